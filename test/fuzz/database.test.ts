import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Refusal } from '../../src/errors.ts';
import { runImport } from '../../src/intake/import.service.ts';
import type { ImportReport } from '../../src/intake/import-report.ts';
import { importNdjson } from '../../src/intake/ndjson.importer.ts';
import { parseRecord } from '../../src/intake/parse-record.ts';
import type { Importer, RawRecord } from '../../src/intake/records.ts';
import { isoTime, toIso } from '../../src/rights/app-export/iso-time.ts';
import { check } from '../artefacts/support.ts';
import { comparable } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';
import { TIMES } from './support/hazards.ts';
import { FORMATS } from './support/made-up.ts';
import { BYTEWISE, mutated, mutations, STRUCTURAL } from './support/mutate.ts';
import { inFolder, LONG } from './support/outcome.ts';

let world: World;
let tenant: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
});
afterAll(() => world.close());

const imported = (app: string, importer: Importer, path: string): Promise<ImportReport> =>
  runImport(world.system, { ...world.cli, tenantId: tenant }, app, importer, path, { batchSize: 4 });

const rowsOf = async (table: string, app: string): Promise<number> =>
  Number((await world.sql(`select count(*) from ${table} where tenant_id = $1 and app_id = $2`, [tenant, app]))[0]!['count']);

/** What must hold of whatever an import left behind, however it ended. */
async function checkWhole(app: string): Promise<void> {
  // A mention in a text is sealed; its rows are not. Each names a message and a person of the app, as does everything else.
  const orphans = await world.sql(
    `select 'mention' as what from mentions x left join users u on u.tenant_id = x.tenant_id and u.id = x.user_id where x.app_id = $1 and u.id is null
     union all select 'reaction' from reactions x left join messages m on m.tenant_id = x.tenant_id and m.id = x.message_id where x.app_id = $1 and m.id is null
     union all select 'participant' from participants x left join conversations c on c.tenant_id = x.tenant_id and c.id = x.conversation_id where x.app_id = $1 and c.id is null
     union all select 'attachment' from attachments x left join messages m on m.tenant_id = x.tenant_id and m.id = x.message_id where x.app_id = $1 and m.id is null`,
    [app],
  );
  expect(orphans).toEqual([]);
  // Everything sealed opens with the key it should: `comparable` unseals each column.
  await comparable(world, tenant, app);
}

/** Stored attachments and the files in the store, all apps together: as many of one as of the other. */
async function checkFiles(): Promise<void> {
  let files = 0;
  for await (const _ of world.system.files.list('')) files += 1;
  const [row] = await world.sql('select count(*) from attachments where stored');
  expect(files).toBe(Number(row!['count']));
}

describe.each(Object.entries(FORMATS))('%s', (_, { importer, files }) => {
  test('damaged anyhow, leaves nothing half-written behind, and what is reported as created is there', async () => {
    await check(
      fc.asyncProperty(mutations([...STRUCTURAL, ...BYTEWISE]), async (changes) => {
        const app = await world.app(tenant);
        const report = await inFolder(mutated(files, changes), (folder) =>
          imported(app, importer, folder).catch((error: unknown) => {
            if (error instanceof Refusal) return undefined;
            throw error;
          }),
        );
        await checkWhole(app);
        await checkFiles();
        for (const [what, table] of [
          ['user', 'users'],
          ['conversation', 'conversations'],
        ] as const) {
          const created = report?.counts.find((row) => row.what === what)?.created ?? 0;
          if (report) expect([what, created]).toEqual([what, await rowsOf(table, app)]);
        }
      }),
      LONG ? 150 : 3,
      { endOnFailure: true },
    );
  }, 3_600_000);

  test('cut short and then imported whole ends as imported whole at once', async () => {
    const alone = await world.app(tenant);
    await inFolder(mutated(files, []), (folder) => imported(alone, importer, folder));
    const expected = await comparable(world, tenant, alone);
    await check(
      fc.asyncProperty(fc.nat(), fc.nat(), async (file, at) => {
        const app = await world.app(tenant);
        await inFolder(mutated(files, [{ how: 'cut', file, at, what: 0 }]), (folder) =>
          imported(app, importer, folder).catch((error: unknown) => {
            if (!(error instanceof Refusal)) throw error;
          }),
        );
        await inFolder(mutated(files, []), (folder) => imported(app, importer, folder));
        expect(await comparable(world, tenant, app)).toEqual(expected);
      }),
      LONG ? 100 : 3,
      { endOnFailure: true },
    );
  }, 3_600_000);
});

describe('a time', () => {
  const timed = (time: string): RawRecord[] => [
    {
      type: 'user',
      externalId: 'ada',
      signedUpAt: time,
      lastActiveAt: time,
      identifiers: [{ type: 'PHONE', value: '1', verifiedAt: time }],
      channels: [{ channel: 'sms', externalId: '1', linkedAt: time, lastSeenAt: time }],
    },
    {
      type: 'conversation',
      externalId: 'room',
      kind: 'DIRECT',
      createdAt: time,
      archivedAt: time,
      participants: [{ user: 'ada', joinedAt: time }],
    },
    {
      type: 'message',
      externalId: 'm',
      conversation: 'room',
      author: 'ada',
      sentAt: time,
      editedAt: time,
      reactions: [{ user: 'ada', emoji: 'x', reactedAt: time }],
    },
    {
      type: 'call',
      externalId: 'c',
      conversation: 'room',
      initiator: 'ada',
      startedAt: time,
      endedAt: time,
      participants: [{ user: 'ada', joinedAt: time, leftAt: time }],
    },
    { type: 'delivery', externalId: 'd', user: 'ada', channel: 'sms', status: 'read', at: time },
  ];

  test.each(TIMES)('of %s is refused by every record, or held and written again as the same', async (time) => {
    const [accepted, ...others] = timed(time).map((record) => 'record' in parseRecord(record));
    expect(others).toEqual(others.map(() => accepted));
    if (!accepted) return;
    const app = await world.app(tenant);
    const lines = timed(time).map((record) => `${JSON.stringify(record)}\n`);
    const report = await inFolder(new Map([['x.ndjson', Buffer.from(lines.join(''))]]), (folder) =>
      imported(app, importNdjson, folder),
    );
    expect(report.skipped.total).toBe(0);
    const [row] = await world.sql(`select ${isoTime('sent_at')} as written from messages where tenant_id = $1 and app_id = $2`, [
      tenant,
      app,
    ]);
    const written = toIso(row!['written'] as string)!;
    expect(Math.abs(Date.parse(written) - Date.parse(time))).toBeLessThanOrEqual(1);
    expect('record' in parseRecord(timed(written)[2])).toBe(true);
  });

  test('of any instant that the records take is one that the database takes', async () => {
    const instants = fc.tuple(
      fc.date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
      fc.constantFrom('Z', '+14:00', '-12:00', '+15:59', '-15:59', '+05:45'),
    );
    await check(
      fc.asyncProperty(fc.array(instants, { minLength: 50, maxLength: 50 }), async (list) => {
        const times = list
          .map(([date, zone]) => date.toISOString().replace('Z', zone))
          .filter((time) => 'record' in parseRecord(timed(time)[4]));
        const rows = await world.sql(
          `select ${isoTime('t')} as written from unnest($1::timestamptz[]) with ordinality as x(t, n) order by n`,
          [times],
        );
        expect(rows.map((row) => Date.parse(toIso(row['written'] as string)!))).toEqual(times.map((time) => Date.parse(time)));
      }),
      LONG ? 1000 : 20,
    );
  });
});
