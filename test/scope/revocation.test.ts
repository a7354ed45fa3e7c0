import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { makeServer } from '../../src/api/server.ts';
import { openSystem, type Running } from '../../src/main.ts';
import { listen } from '../support/statements.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let second: Running;
let elsewhere: FastifyInstance;
let tenant: string;

beforeAll(async () => {
  world = await openWorld({ work: false });
  // Another process on the same database, as far as anything in memory goes.
  second = await openSystem(world.config, world.database.runtimeUrl);
  elsewhere = await makeServer(second.system);
  tenant = await world.tenant();
});
afterAll(async () => {
  await elsewhere.close();
  await second.close();
  await world.close();
});

const statusOf = async (server: FastifyInstance, token: string): Promise<number> =>
  (
    await server.inject({
      method: 'POST',
      url: '/graphql',
      headers: { authorization: `Bearer ${token}` },
      payload: { query: '{ __typename }' },
    })
  ).statusCode;

/** The promise is five seconds; every process believes for two what it has looked up. */
async function refusedEverywhere(token: string): Promise<number[]> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const seen = [await statusOf(world.server, token), await statusOf(elsewhere, token)];
    if (seen.every((status) => status === 401) || Date.now() > deadline) return seen;
    await sleep(200);
  }
}

test('a revoked key stops working within five seconds, in every process', async () => {
  const admin = world.as({ tenant });
  const created = await admin<{ createApiKey: { key: { kid: string } } }>(
    'mutation { createApiKey(name: "officer", role: PRIVACY_OFFICER) { key { kid } } }',
  );
  const { kid } = created.data.createApiKey.key;
  const issued = await world.as({})<{ issueToken: { token: string } }>(
    'mutation ($kid: ID!) { issueToken(kid: $kid, level: TENANT) { token } }',
    { kid },
  );
  const { token } = issued.data.issueToken;
  expect([await statusOf(world.server, token), await statusOf(elsewhere, token)]).toEqual([200, 200]);
  const revoked = await admin('mutation ($kid: ID!) { revokeApiKey(kid: $kid) { revokedAt } }', { kid });
  expect(revoked.data.revokeApiKey.revokedAt).toMatch(/^\d{4}-/);
  expect(await refusedEverywhere(token)).toEqual([401, 401]);
  expect((await world.as({})('mutation ($kid: ID!) { issueToken(kid: $kid, level: TENANT) { token } }', { kid })).codes).toEqual([
    'NOT_FOUND',
  ]);
});

test('a denied token stops working within five seconds, in every process, and its siblings work on', async () => {
  const { kid } = await world.key({ tenant });
  const admin = world.as({ tenant });
  const issue = async () =>
    (
      await admin<{ issueToken: { token: string; jti: string } }>(
        'mutation ($kid: ID!) { issueToken(kid: $kid, level: TENANT) { token jti } }',
        { kid },
      )
    ).data.issueToken;
  const [denied, sibling] = [await issue(), await issue()];
  expect([await statusOf(world.server, denied.token), await statusOf(elsewhere, denied.token)]).toEqual([200, 200]);
  expect((await admin('mutation ($jti: ID!) { denyToken(jti: $jti) }', { jti: denied.jti })).data).toEqual({ denyToken: true });
  expect(await refusedEverywhere(denied.token)).toEqual([401, 401]);
  expect([await statusOf(world.server, sibling.token), await statusOf(elsewhere, sibling.token)]).toEqual([200, 200]);
});

test('the key that follows another works beside it until that is revoked', async () => {
  const admin = world.as({ tenant });
  const old = (await admin('mutation { createApiKey(name: "auditor", role: AUDITOR) { key { kid } } }')).data.createApiKey.key
    .kid as string;
  const made = await admin('mutation ($kid: ID!) { rotateApiKey(kid: $kid) { secret key { kid name level permissions } } }', {
    kid: old,
  });
  expect(made.data.rotateApiKey).toMatchObject({
    secret: expect.stringMatching(/^[\w-]{64}$/),
    key: { name: 'auditor', level: 'TENANT', permissions: ['audit:read', 'schema:read'] },
  });
  const listed = await admin('{ apiKeys { kid revokedAt replacedBy } }');
  expect(listed.data.apiKeys).toContainEqual({ kid: old, revokedAt: null, replacedBy: made.data.rotateApiKey.key.kid });
  for (const kid of [old, made.data.rotateApiKey.key.kid as string]) {
    const answer = await admin('mutation ($kid: ID!) { issueToken(kid: $kid, level: TENANT) { token } }', { kid });
    expect(await statusOf(elsewhere, answer.data.issueToken.token as string)).toBe(200);
  }
});

test('a token that was good before is refused once its time is over, to the second, and before it begins', async () => {
  const { kid } = await world.key({ tenant });
  const issued = await world.as({ tenant })<{ issueToken: { token: string; expiresAt: string } }>(
    'mutation ($kid: ID!) { issueToken(kid: $kid, level: TENANT) { token expiresAt } }',
    { kid },
  );
  const { token, expiresAt } = issued.data.issueToken;
  expect(await statusOf(world.server, token)).toBe(200);
  const left = Date.parse(expiresAt) - Date.now();
  try {
    // Five seconds are allowed for clocks that differ.
    world.clock.offset = left + 3_000;
    expect(await statusOf(world.server, token)).toBe(200);
    world.clock.offset = left + 6_000;
    expect(await statusOf(world.server, token)).toBe(401);
    world.clock.offset = -60_000;
    expect(await statusOf(world.server, token)).toBe(401);
  } finally {
    world.clock.offset = 0;
  }
  expect(await statusOf(world.server, token)).toBe(200);
});

test('callers who come together look their key and their token up once, before what is known of them is too old and after', async () => {
  const sent = listen(world);
  const token = await world.token({ tenant: await world.tenant() });
  const together = async (): Promise<[statuses: number[], keys: number, denied: number]> => {
    sent.length = 0;
    const statuses = await Promise.all(Array.from({ length: 8 }, () => statusOf(world.server, token)));
    // What is asked for anew while it is still believed may be asked behind the answers.
    await sleep(100);
    const about = (table: string): number => sent.filter((sql) => sql.includes(`from ${table} `)).length;
    return [[...new Set(statuses)], about('api_keys'), about('denied_tokens')];
  };
  expect(await together()).toEqual([[200], 1, 1]);
  expect(await together()).toEqual([[200], 0, 0]);
  await sleep(1_000);
  expect(await together()).toEqual([[200], 1, 1]);
  await sleep(2_100);
  expect(await together()).toEqual([[200], 1, 1]);
});
