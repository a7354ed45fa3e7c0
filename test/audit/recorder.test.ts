import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { entryOf } from '../../src/audit/act.ts';
import { recordReads } from '../../src/audit/recorder.ts';
import type { AuditEntry } from '../../src/audit/record.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let tenant: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
});
afterAll(() => world.close());

const entry = (targets: Record<string, unknown>): AuditEntry =>
  entryOf({ ...world.cli, tenantId: tenant }, Date.now(), 'message.read', targets);
const recorded = async (ids: readonly string[]): Promise<string[]> =>
  (await world.sql('select body from audit_entries where tenant_id = $1 and id = any ($2) order by id', [tenant, ids])).map(
    (row) => row['body'] as string,
  );

test('reads side by side are all recorded before they are answered, and wait for a tree', async () => {
  const entries = Array.from({ length: 40 }, (_, nth) => entry({ nth }));
  await Promise.all(entries.map((one) => recordReads(world.system, tenant, [one])));
  const ids = entries.map(({ id }) => id);
  expect((await recorded(ids)).map((body) => JSON.parse(body).targets.nth)).toEqual(entries.map((_, nth) => nth));
  expect(
    await world.sql('select count(*)::int as n from audit_pending where tenant_id = $1 and entry_id = any ($2)', [tenant, ids]),
  ).toEqual([{ n: 40 }]);
});

test('entries handed in at any moment, before, while and after others are written, are all written', async () => {
  const entries = Array.from({ length: 300 }, (_, nth) => entry({ nth }));
  const written: Promise<void>[] = [];
  for (const [nth, one] of entries.entries()) {
    written.push(recordReads(world.system, tenant, [one]));
    for (let turn = nth % 7; turn > 0; turn -= 1) await nextTurn();
    if (nth % 50 === 0) await Promise.all(written);
  }
  await Promise.all(written);
  expect(await recorded(entries.map(({ id }) => id))).toHaveLength(300);
});

test('an entry that cannot be written fails alone, and withholds the answer of nobody else', async () => {
  const first = entry({});
  await recordReads(world.system, tenant, [first]);
  const others = [entry({ nth: 1 }), entry({ nth: 2 })];
  const results = await Promise.allSettled(
    // All in one write; the same id a second time is refused, and then each is written alone.
    [entry({ nth: 0 }), others[0]!, first, others[1]!].map((one) => recordReads(world.system, tenant, [one])),
  );
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  expect(await recorded(others.map(({ id }) => id))).toHaveLength(2);
});

test('words that would end a statement are only words', async () => {
  const words = [`'; drop table audit_entries; --`, `\\'; commit; --`, `E'\\047'`, '$1', `"''"`, 'a\0b', '\ud800'];
  const one = entry({ words });
  await recordReads(world.system, tenant, [one]);
  const [body] = await recorded([one.id]);
  expect(JSON.parse(body!).targets.words).toEqual([...words.slice(0, -2), 'a\ufffdb', '\ufffd']);
});

// The last: from here on this process knows of a pooler.
test('where a pooler has lost what was prepared, an entry is written all the same, and no answer is withheld', async () => {
  const small = await openWorld({ work: false, environment: { HABEAS_POOL_SIZE: '2' } });
  try {
    const { source } = small.system;
    const owner = await small.tenant();
    const write = (): Promise<void> => recordReads(small.system, owner, [{ ...entry({}), tenantId: owner }]);
    /** The names of what each of the two connections has prepared, which it then forgets. */
    const forget = async (): Promise<unknown[][]> => {
      const runners = [source.createQueryRunner(), source.createQueryRunner()];
      const found = await Promise.all(
        runners.map(async (runner) => {
          const names = (await runner.query('select name from pg_prepared_statements')) as unknown[];
          await runner.query('deallocate all');
          return names;
        }),
      );
      for (const runner of runners) await runner.release();
      return found;
    };
    const held = source.createQueryRunner();
    await held.connect();
    await write();
    await held.release();
    await write();
    for (const names of await forget()) expect(names).not.toEqual([]);
    await write();
    await write();
    expect(await forget()).toEqual([[], []]);
    expect(await small.sql('select count(*)::int as n from audit_entries where act = $1', ['message.read'])).toEqual([{ n: 4 }]);
  } finally {
    await small.close();
  }
});
