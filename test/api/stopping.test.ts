import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { serve } from '../../src/main.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

test('a server that is told to stop does not wait for callers who never finish', async () => {
  const token = await world.token({ tenant: await world.tenant() });
  const config = readConfig({
    HABEAS_DATABASE_URL: world.database.runtimeUrl,
    HABEAS_HOME: world.home,
    HABEAS_PORT: '0',
    HABEAS_LOG_LEVEL: 'error',
  });
  const running = await serve(config);
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
