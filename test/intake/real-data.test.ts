import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ImportReport } from '../../src/intake/import-report.ts';
import { runImport } from '../../src/intake/import.service.ts';
import { importSlack } from '../../src/intake/slack.importer.ts';
import { contentsOf } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';

const DATA = process.env.HABEAS_TEST_DATA ?? resolve(import.meta.dirname, '../../../shared/data');
const ARCHIVE = join(DATA, 'slack-houstondatavis.tar.xz');

// The counts beside the data were made without any importer. "Content" is what somebody wrote: no joins, no comments on files.
describe('a real Slack export in the database', () => {
  if (!existsSync(ARCHIVE)) {
    console.warn('SKIPPED: slack-houstondatavis is not there (set HABEAS_TEST_DATA to the folder that holds it).');
    test.skip('is not there', () => undefined);
    return;
  }
  let world: World;
  let folder: string;
  let app: string;
  let tenant: string;
  let report: ImportReport;
  const once = (): Promise<ImportReport> => runImport(world.system, { ...world.cli, tenantId: tenant }, app, importSlack, folder);
  const number = async (sql: string): Promise<number> => Number((await world.sql(sql, [app]))[0]!['n']);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'habeas-real-'));
    execFileSync('tar', ['xJf', ARCHIVE, '-C', folder]);
    world = await openWorld({ work: false });
    tenant = await world.tenant();
    app = await world.app(tenant);
    report = await once();
  });
  afterAll(async () => {
    await world?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ['people', 71, `select count(*) as n from users where app_id = $1 and kind <> 'BOT'`],
    ['bots', 0, `select count(*) as n from users where app_id = $1 and kind = 'BOT'`],
    ['channels', 16, 'select count(*) as n from conversations where app_id = $1'],
    ['archived channels', 9, 'select count(*) as n from conversations where app_id = $1 and archived_at is not null'],
    ['memberships', 201, 'select count(*) as n from participants where app_id = $1'],
    ['messages', 1_382, 'select count(*) as n from messages where app_id = $1'],
    ['edited messages', 37, 'select count(*) as n from messages where app_id = $1 and edited_at is not null'],
    ['messages with reactions', 89, 'select count(distinct message_id) as n from reactions where app_id = $1'],
    ['reactions', 199, 'select count(*) as n from reactions where app_id = $1'],
    ['files', 67, 'select count(*) as n from attachments where app_id = $1'],
    ['distinct files', 61, 'select count(distinct external_id) as n from attachments where app_id = $1'],
  ])('holds all %s: %i', async (_, expected, sql) => {
    expect(await number(sql)).toBe(expected);
  });

  test('holds all content messages and their authors, by what their sealed metadata says', async () => {
    const { messages } = await contentsOf(world, tenant, app);
    const subtype = (row: Record<string, unknown>): unknown =>
      row['metadata'] === null ? undefined : (JSON.parse(row['metadata'] as string) as { subtype?: string }).subtype;
    const content = messages!.filter((row) =>
      [undefined, 'thread_broadcast', 'me_message', 'file_share'].includes(subtype(row) as string),
    );
    expect(content).toHaveLength(1_025);
    expect(new Set(content.map((row) => row['author_id'])).size).toBe(32);
    const written = content.map((row) => row['author_id']);
    const person = await world.userId(tenant, app, 'U061A1R2R');
    expect(written.filter((id) => id === person)).toHaveLength(298);
  });

  test('holds every mention in a text as a token, and who is mentioned in which message once', async () => {
    const { messages, mentions } = await contentsOf(world, tenant, app);
    const tokens = messages!.flatMap((row) =>
      [...((row['body'] as string | null) ?? '').matchAll(/<@([0-9a-f-]{36})>/g)].map(
        (match) => `${row['id'] as string} ${match[1]}`,
      ),
    );
    // Slack's own sentences name people by bare ids, which are made mentions too and counted apart.
    const bare = report.dropped.find((one) => one.what === 'bare user id (made a mention)')?.count ?? 0;
    expect(tokens.length - bare).toBe(575);
    expect(mentions!.map((row) => `${row['message_id'] as string} ${row['user_id'] as string}`).sort()).toEqual(
      [...new Set(tokens)].sort(),
    );
  });

  test('finds everything unchanged when it is imported again', async () => {
    const again = await once();
    expect(again.counts.filter((row) => row.created + row.updated > 0)).toEqual([]);
    expect(again.skipped).toEqual(report.skipped);
  });
});
