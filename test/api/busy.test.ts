import pg from 'pg';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { RateLimiter } from '../../src/api/rate.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let token: string;
let url: string;
beforeAll(async () => {
  const limits = {
    HABEAS_LIMIT_KEY_RATE: '40',
    HABEAS_LIMIT_ADDRESS_RATE: '200',
    HABEAS_LIMIT_REFUSALS: '5',
    HABEAS_LIMIT_IN_FLIGHT: '4',
    HABEAS_LIMIT_SECONDS: '3',
  };
  world = await openWorld({ work: false, environment: limits });
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  token = await world.token({ tenant, app });
  url = await world.server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => world.close());

const ask = (bearer: string, address = '127.0.0.1') =>
  world.server.inject({
    method: 'POST',
    url: '/graphql',
    remoteAddress: address,
    headers: { authorization: `Bearer ${bearer}` },
    payload: { query: '{ apps { id } }' },
  });

test('a bucket holds a minute, no more, and tells when there is one again', () => {
  let now = 0;
  const limiter = new RateLimiter(60, () => now);
  expect(
    Array.from({ length: 61 }, () => limiter.take('a'))
      .map((wait) => wait > 0)
      .filter(Boolean),
  ).toHaveLength(1);
  expect(limiter.take('a')).toBe(1);
  expect(limiter.take('b')).toBe(0);
  now = 1000;
  expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 1]);
  now = 3_600_000;
  expect(Array.from({ length: 61 }, () => limiter.take('a')).filter((wait) => wait > 0)).toHaveLength(1);
});

test('a house that is full sheds with 503, and lets in again', async () => {
  const owner = new pg.Client({ connectionString: world.database.adminUrl });
  await owner.connect();
  await owner.query('begin; lock table conversations in access exclusive mode');
  const shed: Response[] = [];
  try {
    const asked = Array.from({ length: 12 }, async () => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: '{"query":"{ conversations { pageInfo { hasNextPage } } }"}',
      });
      // Nobody inside is answered while the table is kept from them; once all others have been sent away it is let go.
      if (response.status === 503 && shed.push(response) === 8) await owner.query('rollback');
      return response.status;
    });
    const statuses = await Promise.all(asked);
    expect([200, 503].map((wanted) => statuses.filter((status) => status === wanted).length)).toEqual([4, 8]);
  } finally {
    await owner.end();
  }
  expect(shed.map(({ headers }) => headers.get('retry-after'))).toEqual(shed.map(() => '1'));
  expect((await ask(token)).statusCode).toBe(200);
});

test('a key that asks too often is told when to come back', async () => {
  let answer = await ask(token, '10.0.0.1');
  for (let i = 0; i < 45 && answer.statusCode === 200; i += 1) answer = await ask(token, '10.0.0.1');
  expect(answer.statusCode).toBe(429);
  expect(answer.json().errors[0].extensions.code).toBe('LIMIT_EXCEEDED');
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
});

test('an address that keeps coming with refused tokens has to wait, and others do not', async () => {
  const codes = [];
  for (let i = 0; i < 7; i += 1) codes.push((await ask('wrong', '10.0.0.2')).statusCode);
  expect(codes).toEqual([401, 401, 401, 401, 401, 429, 429]);
  expect((await ask('wrong', '10.0.0.3')).statusCode).toBe(401);
});

test('a statement that takes too long is really cancelled', async () => {
  const { openSession } = await import('../../src/scope/in-scope.ts');
  const open = await openSession(world.system, world.cli, world.config.limits.seconds);
  await expect(open.session.db.query('select pg_sleep(20)')).rejects.toMatchObject({ driverError: { code: '57014' } });
  await open.rollback();
  expect(
    await world.sql(
      `select count(*)::int as n from pg_stat_activity where query like 'select pg_sleep%' and state = 'active' and pid <> pg_backend_pid()`,
    ),
  ).toEqual([{ n: 0 }]);
});
