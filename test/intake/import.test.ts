import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { resolve } from 'node:path';
import { Refusal } from '../../src/errors.ts';
import type { ImportReport } from '../../src/intake/import-report.ts';
import { runImport, type ImportOptions } from '../../src/intake/import.service.ts';
import { importDiscord } from '../../src/intake/discord.importer.ts';
import { importNdjson } from '../../src/intake/ndjson.importer.ts';
import type { Importer, RawRecord } from '../../src/intake/records.ts';
import { importSlack } from '../../src/intake/slack.importer.ts';
import type { Scope } from '../../src/scope/scope.ts';
import { writeExport } from '../support/import-events.ts';
import { comparable, contentsOf } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';
import { zipOf } from '../support/zip-of.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../examples');
const SUPPORT = `${EXAMPLES}/brightwater-support.ndjson`;
const WORK = `${EXAMPLES}/brightwater-slack`;

let world: World;
let tenant: string;
let scope: Scope;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
// Each compares all that its tenant holds.
beforeEach(async () => {
  tenant = await world.tenant();
  scope = { ...world.cli, tenantId: tenant };
});
afterAll(() => world.close());

const imported = (app: string, importer: Importer, path: string, options?: ImportOptions): Promise<ImportReport> =>
  runImport(world.system, scope, app, importer, path, options);
const acts = async (app: string): Promise<unknown[]> =>
  (await world.sql(`select act from audit_entries where tenant_id = $1 and targets->>'app' = $2 order by id`, [tenant, app])).map(
    (row) => row['act'],
  );
const created = (report: ImportReport): Record<string, number> =>
  Object.fromEntries(report.counts.map((row) => [row.what, row.created]));
const changed = (report: ImportReport): number => report.counts.reduce((sum, row) => sum + row.created + row.updated, 0);

describe.each([
  [
    'native NDJSON',
    importNdjson,
    SUPPORT,
    { user: 14, conversation: 14, message: 129, call: 4, delivery: 91, businessLink: 14, attachment: 10 },
  ],
  // 888 messages, and 4 comments on files, which are messages of their own.
  ['a Slack export', importSlack, WORK, { conversation: 18, message: 892 }],
] as const)('%s', (_, importer, path, expected) => {
  test('is taken over whole, and the second time changes nothing', async () => {
    const app = await world.app(tenant);
    const first = await imported(app, importer, path);
    expect(created(first)).toMatchObject(expected);
    const before = await contentsOf(world, tenant);
    const second = await imported(app, importer, path);
    expect(changed(second)).toBe(0);
    expect(second.skipped).toEqual(first.skipped);
    expect(await contentsOf(world, tenant)).toEqual(before);
    expect(await acts(app)).toEqual(['app.created', 'import.started', 'import.completed', 'import.started', 'import.completed']);
  });

  test('a dry run reports what would happen and writes nothing', async () => {
    const app = await world.app(tenant);
    const before = await contentsOf(world, tenant);
    const files = await allFiles();
    const rehearsed = await imported(app, importer, path, { dryRun: true });
    expect(await contentsOf(world, tenant)).toEqual(before);
    expect(await allFiles()).toEqual(files);
    expect(await acts(app)).toEqual(['app.created', 'import.rehearsed']);
    const real = await imported(app, importer, path);
    expect({ ...rehearsed, importId: '', seconds: 0, dryRun: false }).toEqual({ ...real, importId: '', seconds: 0 });
  });

  test('killed half-way and run again it ends as one run does', async () => {
    const [whole, killed] = [await world.app(tenant), await world.app(tenant)];
    await imported(whole, importer, path);
    for (const until of [40, 90]) {
      const onProgress = ({ records }: { records: number }): void => {
        if (records > until) throw new Error('killed');
      };
      await expect(imported(killed, importer, path, { batchSize: 7, onProgress })).rejects.toThrow('killed');
    }
    expect((await contentsOf(world, tenant, killed))['users']!.length).toBeGreaterThan(0);
    await imported(killed, importer, path, { batchSize: 11 });
    expect(await comparable(world, tenant, killed)).toEqual(await comparable(world, tenant, whole));
    expect((await acts(killed)).filter((act) => act === 'import.failed')).toHaveLength(2);
  });
});

async function allFiles(): Promise<string[]> {
  const names: string[] = [];
  for await (const name of world.system.files.list('')) names.push(name);
  return names.sort((a, b) => (a < b ? -1 : 1));
}

describe('what is wrong with an export', () => {
  const lines = (...records: (RawRecord | string)[]): string =>
    records.map((each) => `${typeof each === 'string' ? each : JSON.stringify(each)}\n`).join('');
  const ada: RawRecord = { type: 'user', externalId: 'ada' };
  const room: RawRecord = { type: 'conversation', externalId: 'room', kind: 'DIRECT', participants: [{ user: 'ada' }] };
  const message = (externalId: string, more = {}): RawRecord => ({
    type: 'message',
    externalId,
    conversation: 'room',
    author: 'ada',
    sentAt: '2026-01-01T00:00:00Z',
    ...more,
  });

  test('a malformed line, somebody unknown and a duplicate are skipped, named by file and line, and stop nothing', async () => {
    const folder = await writeExport({
      'a.ndjson': lines(ada, room, '{"type":"message"', message('m1')),
      'b.ndjson': lines(
        message('m1'),
        message('m2', { author: 'nobody' }),
        message('m3', { conversation: 'nowhere' }),
        message('m4', { reactions: [{ user: 'nobody', emoji: 'x' }] }),
        {
          type: 'reaction',
          conversation: 'room',
          message: 'm9',
          user: 'ada',
          emoji: 'x',
        },
      ),
    });
    const report = await imported(await world.app(tenant), importNdjson, folder, { batchSize: 2 });
    expect(created(report)).toMatchObject({ message: 2 });
    expect(report.skipped.first.map((one) => `${one.file}:${one.line} ${one.what}: ${one.reason}`)).toEqual([
      expect.stringContaining('a.ndjson:3 line: not valid JSON'),
      'b.ndjson:2 message: author: no user of this external id',
      'b.ndjson:3 message: no conversation of this external id',
      'b.ndjson:4 reaction: user: no user of this external id',
      'b.ndjson:5 reaction: no message of this external id in the conversation',
    ]);
    expect(report.skipped.total).toBe(5);
  });

  test('a source that breaks half-way leaves what was read before in full batches, and the entry that tells of it counts them all', async () => {
    const path = `${await writeExport({ 'a.ndjson': lines(ada, room, message('m1'), message('m2'), message('m3')) })}/a.ndjson`;
    const breaking: Importer = async function* (from) {
      for await (const event of importNdjson(from)) {
        yield event;
        if (event.kind === 'record' && event.at.line === 5) throw new Refusal('INVALID_INPUT', 'broken');
      }
    };
    const app = await world.app(tenant);
    await expect(imported(app, breaking, path, { batchSize: 2 })).rejects.toThrow('broken');
    expect((await contentsOf(world, tenant, app))['messages']).toHaveLength(2);
    const failed = `select targets from audit_entries where act = 'import.failed' and targets->>'app' = $1`;
    expect(await world.sql(failed, [app])).toMatchObject([{ targets: { records: 5, counts: { 'message.created': 2 } } }]);
  });

  test('a batch ends where it holds much text, wherever in its records', async () => {
    const app = await world.app(tenant);
    const large = { metadata: { note: ['x'.repeat(500_000), 'y'.repeat(400_000)] } };
    const names = Array.from({ length: 11 }, (_, index) => `m${10 + index}`);
    const folder = await writeExport({ 'x.ndjson': lines(ada, room, ...names.map((name) => message(name, large))) });
    expect(created(await imported(app, importNdjson, folder))).toMatchObject({ message: 11 });
    const batches = await world.sql(
      'select array_agg(external_id order by id) as names from messages where app_id = $1 group by xmin::text order by 1',
      [app],
    );
    expect(batches.map(({ names: held }) => held)).toEqual([names.slice(0, 5), names.slice(5, 10), names.slice(10)]);
  });

  test('metadata of a million characters as JSON is taken, and one more is skipped', async () => {
    const app = await world.app(tenant);
    const ofLength = (length: number) => ({ metadata: { k: 'x'.repeat(length - '{"k":""}'.length) } });
    const rows = [message('m', ofLength(1_000_000)), message('n', ofLength(1_000_001))];
    const report = await imported(app, importNdjson, await writeExport({ 'x.ndjson': lines(ada, room, ...rows) }));
    expect(created(report)).toMatchObject({ message: 1 });
    expect(report.skipped).toMatchObject({
      total: 1,
      first: [{ line: 4, reason: expect.stringMatching(/longer than 1000000/) }],
    });
  });

  test.each([1, 2])(
    'what %i later records would add to metadata beyond that is skipped, and what is held stays',
    async (files) => {
      const app = await world.app(tenant);
      const user = (key: string) => ({ type: 'user' as const, externalId: 'ada', metadata: { [key]: 'x'.repeat(600_000) } });
      const folders = files === 1 ? [[user('a'), user('b')]] : [[user('a')], [user('b')]];
      let skipped: unknown;
      for (const records of folders)
        ({ skipped } = await imported(app, importNdjson, await writeExport({ 'x.ndjson': lines(...records) })));
      expect(skipped).toMatchObject({
        total: 1,
        first: [{ line: 3 - files, what: 'metadata', reason: expect.stringMatching(/what is held stays/) }],
      });
      const held = await contentsOf(world, tenant, app);
      expect(Object.keys(JSON.parse(held['users']![0]!['metadata'] as string) as object)).toEqual(['a']);
    },
  );

  test('a NUL character is replaced, with a warning that names file and line', async () => {
    const app = await world.app(tenant);
    const folder = await writeExport({ 'x.ndjson': lines(ada, room, message('m', { body: 'a\u0000b' })) });
    const report = await imported(app, importNdjson, folder);
    expect(report.warnings).toEqual({
      total: 1,
      first: [{ file: 'x.ndjson', line: 3, message: 'A NUL character was replaced by U+FFFD.' }],
    });
    expect((await contentsOf(world, tenant, app))['messages']!.map((row) => row['body'])).toEqual(['a\uFFFDb']);
  });

  test('the content of an attachment is held, and a file that was announced otherwise is not', async () => {
    const app = await world.app(tenant);
    const attachment = (externalId: string, path: string, sha256?: string) => ({
      attachments: [{ externalId, path, ...(sha256 ? { sha256 } : {}) }],
    });
    const folder = await writeExport({
      'x.ndjson': lines(
        ada,
        room,
        message('m1', attachment('good', 'good.txt')),
        message('m2', attachment('bad', 'bad.txt', 'a'.repeat(64))),
        message('m3', attachment('none', 'none.txt')),
      ),
      'good.txt': 'hello',
      'bad.txt': 'other',
    });
    const report = await imported(app, importNdjson, folder);
    expect(report.skipped.first).toMatchObject([{ file: 'x.ndjson', line: 4, what: 'attachment content' }]);
    expect(await world.sql('select external_id, stored, size::int from attachments where app_id = $1 order by 1', [app])).toEqual(
      [
        { external_id: 'bad', stored: false, size: null },
        { external_id: 'good', stored: true, size: 5 },
        { external_id: 'none', stored: false, size: null },
      ],
    );
  });

  test.each<[string, () => Promise<string>, Importer, RegExp]>([
    ['without users.json', () => writeExport({ 'general/2026-01-01.json': [] }), importSlack, /users\.json is missing/],
    [
      'that is a broken zip',
      async () => `${await writeExport({ 'x.zip': 'PK\u0003\u0004 nonsense' })}/x.zip`,
      importSlack,
      /the zip/i,
    ],
    [
      'that is a zip which climbs out of its folder',
      async () => `${await writeExport({ 'x.zip': zipOf([{ name: '../../escape.json', content: '[]' }]) })}/x.zip`,
      importSlack,
      /escape\.json|\.\./,
    ],
    ['that is not there', async () => '/nonexistent/export', importNdjson, /There is no file or folder/],
  ])('an export %s is refused with a clear message, and the failure is on record', async (_, make, importer, message) => {
    const app = await world.app(tenant);
    await expect(make().then((path) => imported(app, importer, path))).rejects.toMatchObject({
      name: 'Refusal',
      code: 'INVALID_INPUT',
      message: expect.stringMatching(message),
    });
    expect(await acts(app)).toEqual(['app.created', 'import.started', 'import.failed']);
  });

  test('an app of another tenant is not found', async () => {
    const other = await world.app(await world.tenant());
    await expect(imported(other, importNdjson, SUPPORT)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

test('a Discord export in which somebody changed their name changes nothing the second time, and a new name the next time', async () => {
  const app = await world.app(tenant);
  const at = (n: number): string => new Date(Date.UTC(2026, 0, 1, 12, 0, n)).toISOString();
  const rows = (last: string): string =>
    ['AuthorID,Author,Date,Content,Attachments,Reactions']
      .concat(Array.from({ length: 20 }, (_, n) => `"101","${n < 15 ? 'Early' : last}","${at(n)}","x","",""`))
      .concat(`"102","Bo","${at(20)}","x","",""`, '')
      .join('\r\n');
  const path = await writeExport({ 'a - b - c [123456].csv': rows('Late') });
  // Batches so small that the two names do not meet in one.
  const first = await imported(app, importDiscord, path, { batchSize: 3 });
  expect(first.counts).toContainEqual({ what: 'user', created: 2, updated: 1, unchanged: 0 });
  const before = await contentsOf(world, tenant);
  const second = await imported(app, importDiscord, path, { batchSize: 3 });
  expect(second.counts).toContainEqual({ what: 'user', created: 0, updated: 0, unchanged: 2 });
  expect(changed(second)).toBe(0);
  expect(await contentsOf(world, tenant)).toEqual(before);
  await imported(app, importDiscord, await writeExport({ 'a - b - c [123456].csv': rows('Latest') }), { batchSize: 3 });
  const names = (await contentsOf(world, tenant, app))['users']!.map((row) => JSON.parse(row['profile'] as string) as unknown);
  expect(names).toEqual([
    { handle: 'Latest', displayName: 'Latest' },
    { handle: 'Bo', displayName: 'Bo' },
  ]);
});
