import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isSignedBy, readKeys, type Checkpoint } from '../../src/audit/checkpoint.ts';
import { sealNow } from '../../src/audit/sealer.ts';
import { openSigner } from '../../src/audit/signer.ts';
import { commandLine } from '../cli/command-line.ts';
import { openWorld, type World } from '../support/world.ts';

let receiver: Server;
let world: World;
let status = 500;
let url: string;
const received: Checkpoint[] = [];

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      received.push(JSON.parse(body) as Checkpoint);
      response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => receiver.once('listening', resolve));
  const { port } = receiver.address() as AddressInfo;
  url = `http://127.0.0.1:${port}/checkpoints`;
  world = await openWorld({ work: false, environment: { HABEAS_CHECKPOINT_WEBHOOK: url } });
});
afterAll(async () => {
  await world.close();
  receiver.close();
});

test('a signed checkpoint leaves by the webhook too, again and again until it is taken', async () => {
  const tenant = await world.tenant();
  const signer = await openSigner(world.config.keys);
  await expect(sealNow(world.system, signer, tenant)).rejects.toThrow('answered 500');
  status = 204;
  await sealNow(world.system, signer, tenant);
  await sealNow(world.system, signer, tenant);
  expect(received).toHaveLength(2);
  expect(received[1]).toEqual(received[0]);
  expect(received[0]!.tenant).toBe(tenant);
  expect(isSignedBy(received[0]!, readKeys(signer.publicKey))).toBe(true);
});

test('while the webhook takes nothing, checkpoints go on leaving to the file store, and come by the webhook later, each once and in order', async () => {
  const tenant = await world.tenant();
  const signer = await openSigner(world.config.keys);
  status = 503;
  for (const name of ['One', 'Two', 'Three']) {
    await world.app(tenant, name);
    await expect(sealNow(world.system, signer, tenant)).rejects.toThrow('answered 503');
  }
  const stored: string[] = [];
  for await (const key of world.system.files.list(`${tenant}/checkpoints`)) stored.push(key);
  expect(stored).toHaveLength(3);
  status = 204;
  received.length = 0;
  await sealNow(world.system, signer, tenant);
  await sealNow(world.system, signer, tenant);
  expect(received.map(({ size }) => size)).toEqual(stored.map((key) => Number(key.slice(-16))).sort((a, b) => a - b));
});

test('the log is exported on the command line while the webhook takes nothing', async () => {
  const tenant = await world.tenant();
  status = 503;
  const habeas = commandLine({
    HABEAS_DATABASE_URL: world.database.runtimeUrl,
    HABEAS_HOME: world.home,
    HABEAS_LOG_LEVEL: 'error',
    HABEAS_CHECKPOINT_WEBHOOK: url,
  });
  const out = join(world.home, 'log.ndjson');
  expect(await habeas('audit', 'export', '--tenant', tenant, '--out', out)).toMatchObject({ code: 0 });
  expect(await readFile(out, 'utf8')).toMatch(/"type":"end"/);
});
