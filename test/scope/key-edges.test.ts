import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let tenant: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
});
afterAll(() => world.close());

test("a token of the provider's own tenant, below the provider, reaches into no other tenant with the provider's key", async () => {
  const provider = world.as({});
  const { kid } = await world.key({ role: 'PROVIDER' });
  const desk = await provider(
    'mutation { createApiKey(name: "desk", level: TENANT, permissions: ["tokens:issue", "data:read"]) { key { kid } } }',
  );
  const issued = await provider('mutation ($kid: ID!) { issueToken(kid: $kid, level: TENANT) { token } }', {
    kid: desk.data.createApiKey.key.kid,
  });
  const issue = 'mutation ($kid: ID!, $tenant: ID!) { issueToken(kid: $kid, level: TENANT, tenantId: $tenant) { token } }';
  const answer = await world.as(issued.data.issueToken.token)(issue, { kid, tenant });
  expect([answer.data, answer.codes]).toEqual([null, ['FORBIDDEN']]);
  expect((await provider(issue, { kid, tenant })).codes).toEqual([]);
});

test('of two denials of a token the longer holds', async () => {
  const admin = world.as({ tenant });
  const deny = 'mutation ($at: DateTimeISO) { denyToken(jti: "lost-token", expiresAt: $at) }';
  const inAYear = Date.now() + 31_536_000_000 - 60_000;
  for (const at of [new Date(Date.now() + 60_000).toISOString(), null, new Date(Date.now() + 120_000).toISOString()]) {
    expect((await admin(deny, { at })).data).toEqual({ denyToken: true });
  }
  const [row] = await world.sql('select expires_at from denied_tokens where jti = $1', ['lost-token']);
  expect((row!['expires_at'] as Date).getTime()).toBeGreaterThan(inAYear);
});

test('the token of one app denies no token of another, nor one of the tenant', async () => {
  const [one, other] = [await world.app(tenant), await world.app(tenant)];
  const admin = world.as({ tenant });
  const issue = async (kid: string, level: string): Promise<{ token: string; jti: string }> =>
    (
      await admin('mutation ($kid: ID!, $level: ScopeLevel!) { issueToken(kid: $kid, level: $level) { token jti } }', {
        kid,
        level,
      })
    ).data.issueToken;
  const mine = await issue((await world.key({ tenant, app: one, role: 'INTEGRATOR' })).kid, 'APP');
  const theirs = await issue((await world.key({ tenant, app: other, role: 'INTEGRATOR' })).kid, 'APP');
  const wide = await issue((await world.key({ tenant })).kid, 'TENANT');
  const integrator = world.as({ tenant, app: one, role: 'INTEGRATOR' });
  for (const { jti } of [mine, theirs, wide])
    expect((await integrator('mutation ($jti: ID!) { denyToken(jti: $jti) }', { jti })).data).toEqual({ denyToken: true });
  const statuses = [];
  for (const { token } of [mine, theirs, wide]) statuses.push((await world.as(token)('{ __typename }')).status);
  expect(statuses).toEqual([401, 200, 200]);
});

test('a NUL in a text is the caller’s mistake, not an incident', async () => {
  const admin = world.as({ tenant });
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'ann' }]);
  const user = await world.userId(tenant, app, 'ann');
  for (const query of [
    'mutation { revokeApiKey(kid: "a\\u0000") { kid } }',
    'mutation { rotateApiKey(kid: "a\\u0000") { secret } }',
    'mutation { createApiKey(name: "a\\u0000", role: AUDITOR) { secret } }',
    'mutation { createApp(name: "a\\u0000") { id } }',
    `mutation { requestAccess(format: JSON, others: FULL, reason: "a\\u0000", userId: "${user}") { request { id } } }`,
    `mutation { eraseUser(userId: "${user}", ground: CONSENT_WITHDRAWN, note: "a\\u0000") { id } }`,
    '{ auditLog(act: "a\\u0000") { edges { cursor } } }',
  ])
    expect([query, (await admin(query)).codes]).toEqual([query, ['INVALID_INPUT']]);
});

test('neither the subject of a token nor a reason can make an act fail by half a surrogate pair or a NUL', async () => {
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'ann' }]);
  const user = await world.userId(tenant, app, 'ann');
  const { kid } = await world.key({ tenant });
  const issue = 'mutation ($kid: ID!, $subject: String!) { issueToken(kid: $kid, level: TENANT, subject: $subject) { token } }';
  const access =
    'mutation ($user: ID!, $reason: String!) { requestAccess(format: JSON, others: FULL, reason: $reason, userId: $user) { request { id } } }';
  for (const subject of ['officer \ud800', 'officer \0']) {
    const { data } = await world.as({ tenant })(issue, { kid, subject });
    const officer = world.as(data.issueToken.token);
    expect((await officer(access, { user, reason: 'a court asked \udc00' })).codes).toEqual([]);
  }
  const erase =
    'mutation ($user: ID!, $note: String!) { eraseUser(userId: $user, ground: CONSENT_WITHDRAWN, note: $note) { id } }';
  expect((await world.as({ tenant })(erase, { user, note: 'by letter \ud800' })).codes).toEqual([]);
});

test('an erased tenant is to the provider, too, one that never was', async () => {
  const { kid } = await world.key({ role: 'PROVIDER' });
  const gone = await world.tenant('Gone');
  const provider = world.as({});
  const issued = await provider(
    'mutation ($kid: ID!, $gone: ID!) { issueToken(kid: $kid, level: TENANT, tenantId: $gone) { token } }',
    { kid, gone },
  );
  const inside = world.as(issued.data.issueToken.token);
  expect((await inside('mutation { eraseTenant(ground: CONTRACT_ENDED, confirm: "Gone") { id } }')).codes).toEqual([]);
  for (const query of [
    'mutation { createApp(name: "late") { id } }',
    'mutation { createApiKey(name: "late", role: AUDITOR) { secret } }',
    '{ findSubject(type: EMAIL, value: "ann@example.org") { ambiguous } }',
  ])
    expect([query, (await inside(query)).codes]).toEqual([query, ['NOT_FOUND']]);
  const late = 'mutation ($gone: ID!) { createApp(name: "late", tenantId: $gone) { id } }';
  expect((await provider(late, { gone })).messages).toEqual(
    (await provider(late, { gone: '019a0000-0000-7000-8000-000000000000' })).messages,
  );
});

test('of requests that come at once no more are open than the limit', async () => {
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'eve' }]);
  const eve = world.as({ tenant, app, user: await world.userId(tenant, app, 'eve') });
  await eve('{ me { id } }');
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => eve('mutation { requestPortability(format: JSON) { request { id } } }')),
  );
  expect(answers.filter(({ codes }) => !codes.length)).toHaveLength(10);
  expect(new Set(answers.flatMap(({ codes }) => codes))).toEqual(new Set(['LIMIT_EXCEEDED']));
});
