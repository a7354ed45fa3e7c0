import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { openSystem, serve } from '../../src/main.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

const config = (more: Record<string, string> = {}) =>
  readConfig({
    HABEAS_DATABASE_URL: world.database.runtimeUrl,
    HABEAS_HOME: world.home,
    HABEAS_PORT: '0',
    HABEAS_LOG_LEVEL: 'error',
    ...more,
  });

test('a server that is told to stop does not wait for callers who never finish', async () => {
  const token = await world.token({ tenant: await world.tenant() });
  const running = await serve(config());
  const head = `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`;
  const cut = ['', head].map(async (sent) => {
    const socket = connect(Number(new URL(running.url).port), '127.0.0.1').resume();
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(sent);
    await once(socket, 'close');
  });
  await sleep(500);
  await running.close();
  await Promise.all(cut);
  await expect(fetch(running.url)).rejects.toThrow();
}, 30_000);

test('what was half written when a process stops is not taken over by whoever waited for a connection', async () => {
  const tenant = await world.tenant();
  const apps = [await world.app(tenant), await world.app(tenant)];
  const running = await openSystem(config({ HABEAS_POOL_SIZE: '2' }), world.database.runtimeUrl);
  const scope = { ...world.cli, tenantId: tenant };
  let written = 0;
  for (const app of apps)
    void inScope(running.system, scope, async ({ db }) => {
      await db.query("update apps set name = 'half' where tenant_id = $1 and id = $2", [tenant, app]);
      written += 1;
      await sleep(60_000, undefined, { ref: false });
    }).catch(() => undefined);
  while (written < 2) await sleep(10);
  const waiting = inScope(running.system, scope, ({ db }) => db.query('select 1'));
  await Promise.allSettled([running.close(), waiting]);
  expect(await world.sql("select id from apps where tenant_id = $1 and name = 'half'", [tenant])).toEqual([]);
}, 30_000);
