import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeSchema } from '../../src/api/schema.ts';
import { compareView } from './compare.ts';
import { chance, seedOfRun } from './chance.ts';
import { operationsOf, type Operation } from './documents.ts';
import { openMadeWorld, type Holder, type MadeWorld } from './made-world.ts';
import { openOracle, type Oracle } from './oracle.ts';
import { probePermissions } from './permissions.ts';
import { plantRows, reachesOf } from './reaches.ts';
import { probeDeletes, probeRows, probeWrites, tenantTables } from './row-model.ts';
import { probeQueries, probeTogether, type Probe } from './probe.ts';
import { ownersOf } from './rows.ts';
import { byKind, fitting } from './samples.ts';

const long = Boolean(process.env['HABEAS_LONG']);
const seed = seedOfRun('isolation, reading');

let made: MadeWorld;
let operations: Operation[];
let oracle: Oracle;
let probe: Probe;
beforeAll(async () => {
  made = await openMadeWorld(seed);
  operations = operationsOf(await makeSchema(), long ? 3 : 1);
  oracle = await openOracle(made);
  const kinds = byKind(await ownersOf(made));
  const queries = operations.filter(({ kind }) => kind === 'query');
  probe = { made, oracle, kinds, fits: await fitting(made, queries, kinds), luck: chance(seed), depth: 1 };
}, 120_000);
afterAll(() => made.world.close());

/** Everybody in the long run; otherwise one or two of each kind. */
const FEW = /^(person 0 of app 0|INTEGRATOR of app 0|TENANT_ADMIN of tenant 1|PROVIDER)$/;
const few = (holders: readonly Holder[]): Holder[] => holders.filter(({ name }) => long || FEW.test(name));

test('every query was reached by an id of some kind, where it takes one', () => {
  // Proofs are of entries that were sealed by now, which is a matter of seconds: test/data/audit-log.test.ts.
  const unreached = [...probe.fits]
    .filter(([argument, kinds]) => !kinds.length && argument !== 'auditProof.entryId')
    .map(([argument]) => argument);
  expect(unreached).toEqual([]);
});

test(
  'no query of the schema tells anybody of a row, or a text, that is not theirs',
  async () => {
    expect(await probeQueries(probe, operations, few(probe.made.holders))).toEqual([]);
  },
  long ? 3_600_000 : 60_000,
);

test(
  'nor does it where it was asked together with others, in one transaction',
  async () => {
    const people = few(made.holders).filter(({ level }) => level === 'user' || level === 'app');
    const found = [];
    for (const holder of people) found.push(...(await probeTogether(probe, operations, holder, long ? 10 : 4)));
    expect(found).toEqual([]);
  },
  long ? 3_600_000 : 60_000,
);

test(
  'everybody sees all that is theirs to see, page by page, and nothing more',
  async () => {
    const readers = few(made.holders).filter(
      ({ level, permissions }) => level === 'user' || (level !== 'provider' && permissions.has('data:read')),
    );
    expect(readers.length).toBeGreaterThan(1);
    for (const holder of readers) await compareView(made, holder);
  },
  long ? 3_600_000 : 60_000,
);

test('whoever may do nothing is refused by every root field, before anything else is looked at', async () => {
  expect(await probePermissions(made, operations)).toEqual([]);
});

describe('row-level security alone', () => {
  beforeAll(() => plantRows(made));

  test('every table shows each scope the rows that are for it and no others, with no condition of a query to help', async () => {
    const tables = await tenantTables(made.world);
    expect(tables.length).toBeGreaterThan(25);
    expect(await probeRows(made.world, reachesOf(made), tables)).toEqual([]);
  });

  test('no table takes a row for another tenant from any scope, nor tells that it is there', async () => {
    expect(await probeWrites(made.world, reachesOf(made), await tenantTables(made.world))).toEqual([]);
  });

  test('who deletes everything deletes what is their own', async () => {
    expect(await probeDeletes(made.world, reachesOf(made), await tenantTables(made.world))).toEqual([]);
  });
});
