import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let tenant: string;
let user: string;
let app: string;

beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
  app = await world.app(tenant);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'u1', profile: { displayName: 'Ada' } }]);
  user = await world.userId(tenant, app, 'u1');
  // Tokens first: issuing one is an act, too.
  await world.token({ tenant, app });
  await world.token({ role: 'PRIVACY_OFFICER', tenant });
});
afterAll(() => world.close());

/** Does something while nobody can write into the audit log. */
async function withoutLog<T>(act: () => Promise<T>): Promise<T> {
  await world.sql('alter table audit_entries add constraint closed check (false) not valid');
  try {
    return await act();
  } finally {
    await world.sql('alter table audit_entries drop constraint closed');
  }
}

test('an answer whose reads cannot be recorded does not leave', async () => {
  const token = await world.token({ tenant, app });
  const ask = () => world.as(token)('query ($id: ID!) { user(id: $id) { profile { displayName } } }', { id: user });
  const refused = await withoutLog(ask);
  expect(JSON.stringify(refused)).not.toContain('Ada');
  expect(refused.codes).toEqual(['INTERNAL_SERVER_ERROR']);
  expect((await ask()).data.user.profile.displayName).toBe('Ada');
});

test('an act whose entry cannot be written does not happen', async () => {
  const token = await world.token({ role: 'PRIVACY_OFFICER', tenant });
  const erase = 'mutation ($id: ID!) { eraseUser(userId: $id, ground: OBJECTION) { id } }';
  const refused = await withoutLog(() => world.as(token)(erase, { id: user }));
  expect(refused.codes).toEqual(['INTERNAL_SERVER_ERROR']);
  expect(await world.sql('select count(*)::int as n from requests where tenant_id = $1', [tenant])).toEqual([{ n: 0 }]);
  expect(await world.sql('select erased_at from users where tenant_id = $1 and id = $2', [tenant, user])).toEqual([
    { erased_at: null },
  ]);
  const read = await world.as({ tenant, app })('query ($id: ID!) { user(id: $id) { profile { displayName } } }', { id: user });
  expect(read.data.user.profile.displayName).toBe('Ada');
});
