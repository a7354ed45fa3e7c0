import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let token: string;
let url: string;
beforeAll(async () => {
  const limits = { HABEAS_LIMIT_REFUSALS: '5', HABEAS_LIMIT_IN_FLIGHT: '4', HABEAS_LIMIT_SECONDS: '3' };
  world = await openWorld({ work: false, environment: limits });
  const tenant = await world.tenant();
  token = await world.token({ tenant, app: await world.app(tenant) });
  url = await world.server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => world.close());

const headers = () => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });
const ask = (signal?: AbortSignal) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: headers(),
    body: '{"query":"{ apps { id } }"}',
    ...(signal ? { signal } : {}),
  });

/** A caller with a good token who sends the head of a request, and of its body a single byte. */
async function dawdle(): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
  );
  await sleep(50);
  return socket;
}

test('callers who do not finish their requests take nobody’s place', async () => {
  const slow = await Promise.all(Array.from({ length: 6 }, dawdle));
  const { status } = await ask();
  for (const socket of slow) socket.destroy();
  expect(status).toBe(200);
});

test('callers who hang up give their place back only when what they began has ended', async () => {
  const owner = new pg.Client({ connectionString: world.database.adminUrl });
  await owner.connect();
  try {
    await owner.query('begin');
    await owner.query('lock table apps in access exclusive mode');
    const hangUp = new AbortController();
    const begun = Array.from({ length: 4 }, () => ask(hangUp.signal).catch(() => undefined));
    await sleep(500);
    hangUp.abort();
    await Promise.all(begun);
    await sleep(100);
    expect((await ask()).status).toBe(503);
  } finally {
    await owner.end();
  }
  await sleep(500);
  expect((await ask()).status).toBe(200);
});

test('while the keys of tokens are kept from the server nobody waits for longer than a statement may take', async () => {
  const owner = new pg.Client({ connectionString: world.database.adminUrl });
  await owner.connect();
  try {
    // What was looked up before is believed for two seconds.
    await sleep(2_100);
    await owner.query('begin');
    await owner.query('lock table api_keys in access exclusive mode');
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask()));
    expect(answers.map(({ status, headers: given }) => [status, given.get('retry-after')])).toEqual(Array(12).fill([503, '1']));
  } finally {
    await owner.end();
  }
  expect((await ask()).status).toBe(200);
});

test('who guesses download links has to wait like who guesses tokens', async () => {
  const guess = (remoteAddress: string) =>
    world.server.inject({
      method: 'GET',
      url: '/artefacts/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?token=guess',
      remoteAddress,
    });
  const codes = [];
  for (let i = 0; i < 7; i += 1) codes.push((await guess('10.0.0.2')).statusCode);
  expect(codes).toEqual([404, 404, 404, 404, 404, 429, 429]);
  expect((await guess('10.0.0.3')).statusCode).toBe(404);
});

test('behind a trusted proxy each caller has an address of their own, and elsewhere nobody can claim one', async () => {
  const wrong = (remoteAddress: string, forwarded: string) =>
    world.server.inject({
      method: 'POST',
      url: '/graphql',
      remoteAddress,
      headers: { authorization: 'Bearer wrong', 'x-forwarded-for': forwarded },
      payload: { query: '{ apps { id } }' },
    });
  const codes = [];
  for (let i = 0; i < 6; i += 1) codes.push((await wrong('127.0.0.1', '203.0.113.1')).statusCode);
  codes.push((await wrong('127.0.0.1', '203.0.113.2')).statusCode);
  expect(codes).toEqual([401, 401, 401, 401, 401, 429, 401]);
  const claimed = [];
  for (let i = 0; i < 6; i += 1) claimed.push((await wrong('203.0.113.9', `198.51.100.${i}`)).statusCode);
  expect(claimed).toEqual([401, 401, 401, 401, 401, 429]);
});

test('who has a whole network of addresses is counted as one caller', async () => {
  const wrong = async (remoteAddress: string) =>
    (
      await world.server.inject({
        method: 'POST',
        url: '/graphql',
        remoteAddress,
        headers: { authorization: 'Bearer wrong' },
        payload: { query: '{ apps { id } }' },
      })
    ).statusCode;
  const codes = [];
  for (const host of ['::1', '::2', ':0:0:0:7', ':a:b:c:d', '::ffff', '::9']) codes.push(await wrong(`2001:db8:1:2${host}`));
  expect(codes).toEqual([401, 401, 401, 401, 401, 429]);
  expect(await wrong('2001:db8:1:3::1')).toBe(401);
  for (let i = 0; i < 5; i += 1) await wrong('::ffff:192.0.2.7');
  expect(await wrong('192.0.2.7')).toBe(429);
  expect(await wrong('::ffff:192.0.2.8')).toBe(401);
});

test('while the database is away a good token is not called a bad one, nor counted as one', async () => {
  const name = new URL(world.database.adminUrl).pathname.slice(1);
  await world.sql(`alter database "${name}" connection limit 0`);
  await world.sql(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename <> current_user`, [
    name,
  ]);
  // What was looked up before is believed for two seconds.
  await sleep(2_500);
  const answers = [];
  for (let i = 0; i < 8; i += 1) answers.push(await ask());
  expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(503));
  expect(((await answers[0]!.json()) as { errors: { extensions: { code: string } }[] }).errors[0]!.extensions.code).toBe(
    'UNAVAILABLE',
  );
  await world.sql(`alter database "${name}" connection limit -1`);
  expect((await ask()).status).toBe(200);
});
