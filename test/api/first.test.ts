import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

test('a person reads who they are with their own token', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u1', profile: { displayName: 'Ada' } },
    { type: 'conversation', externalId: 'c1', kind: 'PUBLIC_GROUP', name: 'general', participants: [{ user: 'u1' }] },
    { type: 'message', externalId: 'm1', conversation: 'c1', author: 'u1', sentAt: '2026-01-01T00:00:00Z', body: 'hello <@u1>', mentions: ['u1'], reactions: [{ user: 'u1', emoji: 'ok' }] },
  ]);
  const user = await world.userId(tenant, app, 'u1');
  const answer = await world.as({ tenant, app, user })('{ me { id } }');
  expect(answer).toMatchObject({ codes: [], data: { me: { id: user } } });
  expect(await world.sql('select act from audit_entries where tenant_id = $1 order by id', [tenant])).toContainEqual({ act: 'user.read' });
});
