import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeSchema } from '../../src/api/schema.ts';
import { documents } from '../api/random-documents.ts';
import type { World } from '../support/world.ts';
import { buildHabeas, type BuiltHabeas } from './processes.ts';
import { openSite, person, startOn, until } from './site.ts';

/*
 * What is inside jest's own process cannot show: an error that nobody handles ends a server, and with it everybody's requests. So a real one is
 * asked by many callers at once, who often do not wait for the answer.
 */
const RUNS = 10_000;
const CALLERS = 8;
const SEED = Number(process.env['HABEAS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

let habeas: BuiltHabeas;
let world: World;
beforeAll(async () => {
  habeas = await buildHabeas();
  world = await openSite();
}, 120_000);
afterAll(async () => {
  await world?.close();
  await habeas?.remove();
});

test(`a server outlives ${RUNS} random documents of callers who hang up (seed ${SEED})`, async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [...person('ada', 20), ...person('ben', 20)]);
  const user = await world.userId(tenant, app, 'ada');
  const rows = await world.sql('select id::text from messages union all select id::text from conversations');
  const make = documents(await makeSchema(), SEED, [tenant, app, user, ...rows.map((row) => row['id'] as string)]);
  const tokens = await Promise.all([
    world.token({ tenant, app }),
    world.token({ tenant, role: 'PRIVACY_OFFICER' }),
    world.token({ tenant, app, user }),
    world.token({ tenant, role: 'TENANT_ADMIN' }),
  ]);
  const server = await startOn(world, habeas, 'serve', {
    HABEAS_LIMIT_KEY_RATE: '1000000',
    HABEAS_LIMIT_ADDRESS_RATE: '1000000',
  });
  const base = /Habeas serves (\S+)\/graphql/.exec(server.output())![1]!;
  const wrong: string[] = [];
  const ask = async (query: string, token: string, signal?: AbortSignal): Promise<number> => {
    const response = await fetch(`${base}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
      ...(signal ? { signal } : {}),
    });
    const answer = await response.text();
    if (response.status >= 500 || answer.includes('INTERNAL_SERVER_ERROR'))
      wrong.push(`${response.status} ${answer.slice(0, 300)}\n${query}`);
    return response.status;
  };
  let made = 0;
  const statuses = new Map<number | string, number>();
  const caller = async (): Promise<void> => {
    for (let run = made++; run < RUNS; run = made++) {
      const query = run % 10 === 9 ? make.broken() : make.valid();
      // A third of them leave within some milliseconds.
      const signal = run % 3 === 0 ? AbortSignal.timeout(run % 25) : undefined;
      const status = await ask(query, tokens[run % tokens.length]!, signal).catch((error: Error) => error.name);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  console.info(`seed ${SEED}: ${JSON.stringify(Object.fromEntries(statuses))}`);
  // Only who hung up has no answer; nobody was refused for being one too many, or the rest was not asked at all.
  expect([...statuses.keys()].filter((status) => typeof status === 'string')).toEqual(['TimeoutError']);
  expect(wrong).toEqual([]);
  expect(statuses.get(200)).toBeGreaterThan(RUNS / 5);
  await pause(100);
  expect((await fetch(`${base}/readyz`)).status).toBe(200);
  expect(await ask('{ apps { id } }', tokens[3]!)).toBe(200);
  const open = `select 1 from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`;
  await until(async () => (await world.sql(open)).length === 0, 'a transaction stays open', 10);
  await server.end('SIGTERM');
  expect(`${server.output()}${server.log()}`).not.toMatch(/unhandled|uncaught|\(node:\d+\)/i);
}, 600_000);
