import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isSignedBy, readKeys, type Checkpoint } from '../../src/audit/checkpoint.ts';
import { sealNow } from '../../src/audit/sealer.ts';
import { openSigner } from '../../src/audit/signer.ts';
import { openWorld, type World } from '../support/world.ts';

let receiver: Server;
let world: World;
let status = 500;
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
  world = await openWorld({ work: false, environment: { HABEAS_CHECKPOINT_WEBHOOK: `http://127.0.0.1:${port}/checkpoints` } });
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
