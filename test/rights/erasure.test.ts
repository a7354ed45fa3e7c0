import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';
import { ERASE_USER, finished } from './erasure.support.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

test('a person is erased with everything held about them', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'ext-ada', profile: { displayName: 'Ada Quill' } },
    { type: 'conversation', externalId: 'c1', kind: 'PUBLIC_GROUP', name: 'general', participants: [{ user: 'ext-ada' }] },
    { type: 'message', externalId: 'm1', conversation: 'c1', author: 'ext-ada', sentAt: '2026-01-01T00:00:00Z', body: 'hello' },
  ]);
  const user = await world.userId(tenant, app, 'ext-ada');
  const officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  const answer = await officer(ERASE_USER, { user });
  expect(answer.codes).toEqual([]);
  expect(answer.data.eraseUser.unreadableAt).not.toBeNull();
  const request = await finished(world, answer.data.eraseUser.id);
  expect(request).toMatchObject({ status: 'COMPLETED', residual: { total: 0, findings: [] } });
  expect(await world.sql('select 1 from messages')).toEqual([]);
});
