import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { getMetadataStorage } from 'type-graphql';
import { makeSchema } from '../../src/api/schema.ts';
import { seedOfRun } from './chance.ts';
import { operationsOf, type Operation } from './documents.ts';
import { openMadeWorld, type MadeWorld } from './made-world.ts';
import { probePermissions } from './permissions.ts';
import { plantRows, reachesOf } from './reaches.ts';
import { probeDeletes, probeRows, probeWrites, tenantTables } from './row-model.ts';

/**
 * Takes every guard away, one at a time, and asks whether a test of this folder would have noticed. What it takes away it puts back. It takes
 * minutes, so it belongs to npm run test:long.
 */
const onlyLong = process.env['HABEAS_LONG'] ? describe : describe.skip;

interface Policy {
  schema: string;
  table: string;
  policy: string;
  cmd: string;
  using: string | null;
  check: string | null;
  permissive: string;
}

let made: MadeWorld;
let operations: Operation[];

async function noticed({ schema, table }: Policy): Promise<string[]> {
  const only = (await tenantTables(made.world)).filter(({ name }) => name === `${schema}.${table}`);
  await plantRows(made);
  const reaches = reachesOf(made);
  return [
    ...(await probeDeletes(made.world, reaches, only)),
    ...(await probeRows(made.world, reaches, only)),
    ...(await probeWrites(made.world, reaches, only)),
  ];
}

const clauses = ({ using, check }: Policy, open: boolean): string =>
  [using === null ? '' : `using (${open ? 'true' : using})`, check === null ? '' : `with check (${open ? 'true' : check})`].join(
    ' ',
  );

onlyLong('with one guard less', () => {
  beforeAll(async () => {
    made = await openMadeWorld(seedOfRun('isolation, mutations'));
    operations = operationsOf(await makeSchema());
  }, 120_000);
  afterAll(() => made.world.close());

  test('nothing is noticed while all guards stand', async () => {
    await plantRows(made);
    expect(await probeRows(made.world, reachesOf(made), await tenantTables(made.world))).toEqual([]);
    expect(await probeWrites(made.world, reachesOf(made), await tenantTables(made.world))).toEqual([]);
    expect(await probePermissions(made, operations)).toEqual([]);
  });

  test('every policy is noticed: opened, opened for reading or for writing alone, and dropped', async () => {
    const policies = (await made.world.sql(
      `select schemaname as schema, tablename as table, policyname as policy, cmd, qual as using, with_check as check, permissive from pg_policies where schemaname in ('public', 'keys') order by 1, 2, 3`,
    )) as unknown as Policy[];
    expect(policies.length).toBeGreaterThan(25);
    const missed: string[] = [];
    for (const one of policies) {
      const { schema, table, policy, cmd, using, check } = one;
      const on = `${policy} on ${schema}.${table}`;
      const whole = `create policy ${on} for ${cmd} ${clauses(one, false)}`;
      const ways: [string, string][] = [[`alter policy ${on} ${clauses(one, true)}`, 'opened']];
      if (using !== null && check !== null) {
        ways.push(
          [`alter policy ${on} using (true)`, 'opened for reading'],
          [`alter policy ${on} with check (true)`, 'opened for writing'],
        );
      }
      ways.push([`drop policy ${on}`, 'dropped']);
      for (const [statement, what] of ways) {
        await made.world.sql(statement);
        try {
          if (!(await noticed(one)).length) missed.push(`${what}: ${on}`);
        } finally {
          await made.world.sql(`drop policy if exists ${on}`);
          await made.world.sql(whole);
        }
      }
      expect([on, await noticed(one)]).toEqual([on, []]);
    }
    expect(missed).toEqual([]);
  }, 1_800_000);

  test('row-level security turned off is noticed on every table', async () => {
    const missed: string[] = [];
    for (const { name, table } of await tenantTables(made.world)) {
      await made.world.sql(`alter table ${name} disable row level security`);
      await plantRows(made);
      const found = await probeRows(made.world, reachesOf(made), [{ name, table }]);
      await made.world.sql(`alter table ${name} enable row level security`);
      if (!found.length) missed.push(name);
    }
    expect(missed).toEqual([]);
  }, 1_800_000);

  test('every permission is noticed that a root field does not ask for any more', async () => {
    const { queries, mutations } = getMetadataStorage();
    const missed: string[] = [];
    for (const field of [...queries, ...mutations]) {
      const operation = operations.filter(({ name }) => name === field.schemaName);
      expect([field.schemaName, operation.length]).toEqual([field.schemaName, 1]);
      // The running schema holds this very list: whoever asks whether some permission of it is held is told yes.
      Object.defineProperty(field.roles!, 'some', { value: () => true, configurable: true });
      if (!(await probePermissions(made, operation)).length) missed.push(field.schemaName);
      delete (field.roles as { some?: unknown }).some;
    }
    expect(missed).toEqual([]);
    expect(await probePermissions(made, operations)).toEqual([]);
  }, 600_000);
});
