import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { seedOfRun } from './chance.ts';
import { openMadeWorld, type MadeWorld } from './made-world.ts';
import { probeDeletes, probeRows, probeWrites, tenantTables } from './row-model.ts';
import { plantRows, reachesOf } from './reaches.ts';

let made: MadeWorld;
beforeAll(async () => {
  made = await openMadeWorld(seedOfRun('isolation, rows'));
  await plantRows(made);
}, 120_000);
afterAll(() => made.world.close());

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
