import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import { openWorld, type World } from '../support/world.ts';
import { finished } from './support.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

test('a request whose job was lost is taken up again, once, and comes to its end', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'u1', profile: { displayName: 'Ada' } }]);
  const user = await world.userId(tenant, app, 'u1');
  const officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  const { data } = await officer('mutation ($user: ID!) { eraseUser(userId: $user, ground: CONSENT_WITHDRAWN) { id } }', {
    user,
  });
  const first = await finished(officer, data.eraseUser.id);
  expect(first.status).toBe('COMPLETED');
  // As a worker leaves it that was killed more often than the queue tries.
  await world.sql(`update requests set status = 'RUNNING', residual = null, completed_at = null where id = $1`, [first.id]);
  await world.sql(`update jobs.job set state = 'failed' where data ->> 'requestId' = $1`, [first.id]);
  const sweep = (): Promise<void> => HANDLERS.expiry(world.system, {}, new AbortController().signal);
  await sweep();
  expect(await world.sql(`select count(*)::int as n from jobs.job where data ->> 'requestId' = $1`, [first.id])).toEqual([
    { n: 1 },
  ]);
  world.clock.offset = 3 * 60_000;
  await sweep();
  await sweep();
  expect(await world.sql(`select count(*)::int as n from jobs.job where data ->> 'requestId' = $1`, [first.id])).toEqual([
    { n: 2 },
  ]);
  expect((await finished(officer, first.id)).status).toBe('COMPLETED');
});
