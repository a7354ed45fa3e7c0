import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { KeyCache } from '../../src/keys/key-cache.ts';
import { destroySubjectKeys, KEY_LIFE_MS, subjectKeys } from '../../src/keys/keyring.ts';
import { openSystem, type Running } from '../../src/main.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import type { System } from '../../src/system.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let second: Running;
let tenant: string, app: string;

beforeAll(async () => {
  world = await openWorld({ work: false });
  second = await openSystem(world.config, world.database.runtimeUrl);
  tenant = await world.tenant();
  app = await world.app(tenant);
});
afterAll(async () => {
  await second.close();
  await world.close();
});

async function person(id: string): Promise<string> {
  await world.ingest(tenant, app, [{ type: 'user', externalId: id }]);
  return world.userId(tenant, app, id);
}
const within = <T>(system: System, act: Parameters<typeof inScope<T>>[2]) =>
  inScope(system, { ...world.cli, tenantId: tenant }, act);
const load = (system: System, user: string) => within(system, ({ db }) => subjectKeys(system.keys, db, tenant, [user]));

async function until(holds: () => boolean): Promise<boolean> {
  for (let left = 100; left > 0 && !holds(); left--) await sleep(20);
  return holds();
}

test('an erasure in one process empties the cache of every other at once', async () => {
  const user = await person('u1');
  await load(world.system, user);
  await load(second.system, user);
  expect(second.system.keys.cache.get(tenant, user)).toBeDefined();
  await within(world.system, ({ db }) => destroySubjectKeys(world.system.keys, db, tenant, [user]));
  expect(world.system.keys.cache.get(tenant, user)).toBeUndefined();
  expect(await until(() => second.system.keys.cache.get(tenant, user) === undefined)).toBe(true);
  expect((await load(second.system, user)).size).toBe(0);
});

test('it does so also after the connection that listens was cut', async () => {
  await world.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'habeas keys' and datname = current_database()`,
  );
  const user = await person('u2');
  const listening = async () =>
    (await world.sql(`select 1 from pg_stat_activity where application_name = 'habeas keys' and datname = current_database()`))
      .length;
  for (let left = 100; left > 0 && (await listening()) < 2; left--) await sleep(50);
  await load(second.system, user);
  await within(world.system, ({ db }) => destroySubjectKeys(world.system.keys, db, tenant, [user]));
  expect(await until(() => second.system.keys.cache.get(tenant, user) === undefined)).toBe(true);
});

test('an erasure that is rolled back takes no key', async () => {
  const user = await person('u3');
  await expect(
    within(world.system, async ({ db }) => {
      await destroySubjectKeys(world.system.keys, db, tenant, [user]);
      throw new Error('changed its mind');
    }),
  ).rejects.toThrow('changed its mind');
  expect((await load(world.system, user)).size).toBe(1);
});

test('a key stays in memory for five seconds at most, read or unread', () => {
  expect(KEY_LIFE_MS).toBe(5_000);
  const clock = jest.spyOn(performance, 'now');
  try {
    const cache = new KeyCache(KEY_LIFE_MS);
    clock.mockReturnValue(1_000);
    cache.put('t', 'a', Buffer.alloc(32), cache.epoch);
    clock.mockReturnValue(5_999);
    expect(cache.get('t', 'a')).toBeDefined();
    clock.mockReturnValue(6_000);
    expect(cache.get('t', 'a')).toBeUndefined();
    cache.sweep();
    clock.mockReturnValue(1_000);
    expect(cache.get('t', 'a')).toBeUndefined();
  } finally {
    clock.mockRestore();
  }
});

test('a key that was read before an erasure and arrives after it is not kept', () => {
  const cache = new KeyCache(KEY_LIFE_MS);
  const before = cache.epoch;
  cache.forget('t');
  cache.put('t', 'a', Buffer.alloc(32), before);
  expect(cache.get('t', 'a')).toBeUndefined();
});
