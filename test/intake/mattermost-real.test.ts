import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { importMattermost } from '../../src/intake/mattermost.importer.ts';
import { eventsOf } from '../support/import-events.ts';

const archive = join(process.env['HABEAS_TEST_DATA'] ?? '../shared/data', 'mattermost-fixture.tar.xz');
const available = existsSync(archive);
if (!available) console.warn(`SKIPPED: there is no ${archive}; the real Mattermost export is not tested.`);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'habeas-mattermost-'));
});
// Real data does not stay behind.
afterAll(() => rmSync(folder, { recursive: true, force: true }));

(available ? test : test.skip)('the counts of a real Mattermost export are the independent ones', async () => {
  execFileSync('tar', ['xJf', archive, '-C', folder]);
  const events = await eventsOf(importMattermost, folder);
  const records = events.flatMap((event) => (event.kind === 'record' ? [event.record] : []));
  const messages = records.filter((record) => record.type === 'message');
  const conversations = records.filter((record) => record.type === 'conversation');
  const direct = new Set(
    conversations.filter(({ externalId }) => externalId.startsWith('dm:')).map(({ externalId }) => externalId),
  );
  expect({
    users: records.filter((record) => record.type === 'user').length,
    channels: conversations.length - direct.size,
    memberSets: direct.size,
    posts: messages.filter(({ conversation }) => !direct.has(conversation)).length,
    directPosts: messages.filter(({ conversation }) => direct.has(conversation)).length,
    attachments: messages.flatMap(({ attachments }) => attachments).length,
    reactions: messages.flatMap(({ reactions }) => reactions).length,
    ids: new Set(messages.map(({ conversation, externalId }) => `${conversation} ${externalId}`)).size,
  }).toEqual({ users: 4, channels: 3, memberSets: 3, posts: 4, directPosts: 7, attachments: 2, reactions: 1, ids: 11 });
  // The team has no record of its own; two attachment files are absent, and one member set has no direct_channel line.
  expect(events.filter((event) => event.kind === 'skipped').map((event) => event.what)).toEqual(['team']);
  expect(events.filter((event) => event.kind === 'warning')).toHaveLength(3);
});
