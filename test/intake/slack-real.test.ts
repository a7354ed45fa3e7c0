import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { IntakeRecord, SourceEvent } from '../../src/intake/records.ts';
import { importSlack } from '../../src/intake/slack.importer.ts';
import { droppedIn, eventsOf, eventsOfKind, recordsOf } from '../support/import-events.ts';

const DATA = process.env.HABEAS_TEST_DATA ?? resolve(import.meta.dirname, '../../../shared/data');

type Message = Extract<IntakeRecord, { type: 'message' }>;
const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
const isContent = (message: Message): boolean =>
  [undefined, 'thread_broadcast', 'me_message', 'file_share'].includes(message.metadata.subtype as string);
const mentionsIn = (message: Message): number =>
  [...message.body.matchAll(/<@([A-Z0-9]+)>/g)].filter(([, id]) => message.mentions.includes(id ?? '')).length;

function counted(events: SourceEvent[]) {
  const users = recordsOf(events, 'user');
  const people = users.filter((user) => user.kind !== 'BOT');
  const conversations = recordsOf(events, 'conversation');
  const messages = recordsOf(events, 'message');
  const content = messages.filter(isContent);
  const files = messages.flatMap((message) => message.attachments.map((file) => file.externalId));
  const members = [
    ...conversations.flatMap(({ externalId, participants }) => participants.map(({ user }) => `${externalId} ${user}`)),
    ...recordsOf(events, 'participant').map(({ conversation, user }) => `${conversation} ${user}`),
  ];
  const times = messages.map((message) => message.externalId).sort();
  return {
    users: people.length,
    deleted: people.filter((user) => user.metadata.deleted === true).length,
    withEmail: people.filter((user) => user.profile.email !== undefined).length,
    withPhone: people.filter((user) => user.profile.phone !== undefined).length,
    bots: users.length - people.length,
    conversations: conversations.length,
    archived: conversations.filter((conversation) => conversation.archivedAt !== undefined).length,
    memberships: new Set(members).size,
    messages: messages.length,
    content: content.length,
    authors: new Set(content.map((message) => message.author)).size,
    byBots: messages.filter((message) => message.author?.startsWith('bot:')).length,
    comments: messages.filter((message) => message.kind === 'COMMENT' && message.author !== undefined).length,
    joins: messages.filter((message) => message.metadata.subtype === 'channel_join').length,
    edited: messages.filter((message) => message.editedAt !== undefined).length,
    reacted: messages.filter((message) => message.reactions.length > 0).length,
    reactions: sum(messages.map((message) => message.reactions.length)),
    files: files.length,
    distinctFiles: new Set(files).size,
    // Ids that Slack wrote into its sentences without marking them are made mentions too, and counted apart.
    mentions: sum(messages.map(mentionsIn)) - (droppedIn(events)['bare user id (made a mention)'] ?? 0),
    first: times[0],
    last: times.at(-1),
  };
}

// The counts were made without any importer. `comments` are the file comments, whose author is not the message's.
const EXPECTED = {
  'slack-houstondatavis': {
    users: 71,
    deleted: 1,
    withEmail: 71,
    withPhone: 2,
    bots: 0,
    conversations: 16,
    archived: 9,
    memberships: 201,
    messages: 1382,
    content: 1025,
    authors: 32,
    byBots: 0,
    comments: 6,
    joins: 320,
    edited: 37,
    reacted: 89,
    reactions: 199,
    files: 67,
    distinctFiles: 61,
    mentions: 575,
    first: '1433558207.760577',
    last: '1469650898.000041',
  },
  'slack-testarchive': {
    users: 4,
    deleted: 0,
    withEmail: 0,
    withPhone: 1,
    conversations: 2,
    archived: 0,
    memberships: 8,
    messages: 158,
    content: 52,
    authors: 4,
    byBots: 94,
    comments: 1,
    joins: 8,
    edited: 1,
    reacted: 1,
    reactions: 1,
    // Three integrations wrote 94 messages; Slack does not list them among the users.
    bots: 3,
    files: 4,
    distinctFiles: 3,
    mentions: 27,
    first: '1452837318.000002',
    last: '1459254786.000027',
  },
} as const;

describe.each(Object.entries(EXPECTED))('the real export %s', (name, expected) => {
  const archive = join(DATA, `${name}.tar.xz`);
  if (!existsSync(archive)) {
    console.warn(`SKIPPED: ${name} is not there (set HABEAS_TEST_DATA to the folder that holds it).`);
    test.skip('is not there', () => undefined);
    return;
  }
  let folder: string;
  let events: SourceEvent[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'habeas-slack-'));
    execFileSync('tar', ['xJf', archive, '-C', folder]);
    events = await eventsOf(importSlack, folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('is counted as it was counted independently', () => {
    expect(counted(events)).toEqual(expected);
  });

  test('leaves no credential, no escape and no copy of a name behind', () => {
    const texts = recordsOf(events, 'message').map((message) => message.body + JSON.stringify(message.attachments));
    expect(texts.filter((text) => /xoxe|pub_secret|&(?:lt|gt|amp);/.test(text))).toEqual([]);
    expect(texts.filter((text) => /<@[A-Z0-9]+\|/.test(text))).toEqual([]);
  });

  test('names nobody before they are introduced', () => {
    const known = new Set<string>();
    const strangers: string[] = [];
    for (const event of events) {
      if (event.kind !== 'record') continue;
      const { record } = event;
      if (record.type === 'user') known.add(record.externalId);
      const named =
        record.type === 'conversation'
          ? record.participants.map(({ user }) => user)
          : record.type === 'message'
            ? [
                record.author ?? [],
                record.mentions,
                record.reactions.map(({ user }) => user),
                record.attachments.flatMap((file) => file.uploader ?? []),
              ].flat()
            : [];
      strangers.push(...named.flat().filter((user) => !known.has(user)));
    }
    expect(strangers).toEqual([]);
  });

  test('skips only what has no counterpart, and needs no warning', () => {
    const reasons = new Set(eventsOfKind(events, 'skipped').map((event) => event.what));
    expect([...reasons].filter((what) => !['integration_logs', 'file', 'reaction to a file'].includes(what))).toEqual([]);
    expect(eventsOfKind(events, 'warning')).toEqual([]);
  });

  test('ends its progress at the whole', () => {
    const last = eventsOfKind(events, 'progress').at(-1);
    expect(last?.done).toBe(last?.total);
  });
});
