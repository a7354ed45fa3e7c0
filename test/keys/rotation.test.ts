import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeServer } from '../../src/api/server.ts';
import { run } from '../../src/cli/run.ts';
import { MASTER_KEY_FILE } from '../../src/keys/key-file.ts';
import { openSystem, type Running } from '../../src/main.ts';
import { PROVIDER_TENANT } from '../../src/scope/scope.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let running: Running;
let tenants: string[];

beforeAll(async () => {
  world = await openWorld({ work: false });
  running = await openSystem(world.config, world.database.runtimeUrl);
  tenants = [];
  for (const name of ['Ada', 'Ben']) {
    const tenant = await world.tenant(name);
    const app = await world.app(tenant);
    await world.ingest(tenant, app, [
      { type: 'user', externalId: 'u1', profile: { displayName: name } },
      { type: 'conversation', externalId: 'c1', kind: 'PUBLIC_GROUP', name: 'general', participants: [{ user: 'u1' }] },
      {
        type: 'message',
        externalId: 'm1',
        conversation: 'c1',
        author: 'u1',
        sentAt: '2026-01-01T00:00:00Z',
        body: `hello from ${name}`,
      },
    ]);
    tenants.push(tenant);
  }
});
afterAll(async () => {
  await running.close();
  await world.close();
});

async function command(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const environment = { HABEAS_DATABASE_URL: world.database.runtimeUrl, HABEAS_HOME: world.home, HABEAS_LOG_LEVEL: 'error' };
  const code = await run(argv, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    environment,
    stop: new AbortController().signal,
  });
  return { code, out, err };
}

/** Every row of every table but two, with where it lies: a row that is written again lies elsewhere. */
async function everything(): Promise<Record<string, unknown>> {
  const tables = await world.sql(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'keys') and c.relkind = 'r' and c.relname <> 'tenant_keys' and c.relname not like 'audit%' order by 1`,
  );
  const found: Record<string, unknown> = {};
  for (const { name } of tables)
    found[String(name)] = await world.sql(
      `select md5(string_agg(ctid::text || xmin::text || t::text, '|' order by ctid)) from ${String(name)} t`,
    );
  return found;
}
const masters = async () =>
  (await world.sql('select distinct master_id as id from keys.tenant_keys')).map((row) => String(row['id']));
const inFile = async () =>
  JSON.parse(await readFile(join(world.config.keys, MASTER_KEY_FILE), 'utf8')) as { current: string; keys: object };

async function readsAll(): Promise<void> {
  const server = await makeServer(running.system);
  for (const tenant of [PROVIDER_TENANT, ...tenants]) running.system.keys.cache.forget(tenant);
  for (const [index, tenant] of tenants.entries()) {
    const token = await world.token({ tenant });
    const answer = await server.inject({
      method: 'POST',
      url: '/graphql',
      headers: { authorization: `Bearer ${token}` },
      payload: { query: '{ messages { edges { node { body } } } }' },
    });
    expect(answer.json()).toEqual({ data: { messages: { edges: [{ node: { body: `hello from ${['Ada', 'Ben'][index]}` } }] } } });
  }
  await server.close();
}

test('rotating wraps every tenant key anew, touches no other row, and running servers go on', async () => {
  await world.key({ tenant: tenants[0]! });
  await world.key({ tenant: tenants[1]! });
  const [old, before] = [await masters(), await everything()];
  const { code, out } = await command('keys', 'rotate', '--json');
  expect(code).toBe(0);
  const { masterKey, rewrapped, dropped } = JSON.parse(out) as { masterKey: string; rewrapped: number; dropped: string[] };
  expect([rewrapped, dropped]).toEqual([3, []]);
  expect(await masters()).toEqual([masterKey]);
  expect(await everything()).toEqual(before);
  expect(Object.keys((await inFile()).keys)).toEqual([...old, masterKey]);
  await readsAll();
});

test('a running server that has not read the new file makes tenants under the new key all the same', async () => {
  const { masterKey } = JSON.parse((await command('keys', 'rotate', '--json')).out) as { masterKey: string };
  await world.tenant('Cleo');
  expect(await masters()).toEqual([masterKey]);
});

test('old master keys are dropped when no tenant key is under them', async () => {
  const { code, out } = await command('keys', 'rotate', '--drop-old', '--json');
  const { masterKey, dropped } = JSON.parse(out) as { masterKey: string; dropped: string[] };
  expect([code, dropped.length]).toEqual([0, 3]);
  expect(await inFile()).toMatchObject({ current: masterKey, keys: { [masterKey]: expect.anything() } });
  expect(Object.keys((await inFile()).keys)).toEqual([masterKey]);
  await readsAll();
});

test('while tenants are made and keys rotated at once, nothing is lost', async () => {
  const made = Promise.all(Array.from({ length: 12 }, (_, index) => world.tenant(`T${index}`)));
  const rotated = await Promise.all([command('keys', 'rotate', '--drop-old'), command('keys', 'rotate', '--drop-old')]);
  const ids = await made;
  expect(rotated.map(({ code, err }) => [code, err])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  const held = Object.keys((await inFile()).keys);
  for (const master of await masters()) expect(held).toContain(master);
  for (const id of ids) expect((await world.as({ tenant: id })('{ apiKeys { name } }')).codes).toEqual([]);
});

test('it is written into the log of the provider', async () => {
  const [entry] = await world.sql(
    `select actor_key, targets from audit_entries where tenant_id = $1 and act = 'master-key.rotated' order by id limit 1`,
    [PROVIDER_TENANT],
  );
  expect(entry).toMatchObject({ actor_key: 'cli', targets: { rewrapped: 3, dropped: [] } });
});
