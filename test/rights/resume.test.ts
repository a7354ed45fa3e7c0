import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import { openWorld, type World } from '../support/world.ts';
import { finished, requestOf } from './support.ts';

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

test('a package that somebody asked for themselves is not made wider because its job is lost without a trace', async () => {
  const still = await openWorld({ work: false });
  try {
    const tenant = await still.tenant();
    const app = await still.app(tenant);
    await still.ingest(tenant, app, [{ type: 'user', externalId: 'u1' }]);
    const user = await still.userId(tenant, app, 'u1');
    const officer = still.as({ tenant, role: 'PRIVACY_OFFICER' });
    const own = await requestOf(still.as({ tenant, app, user }), 'requestAccess', user);
    const officers = await requestOf(officer, 'requestAccess', user);
    await still.sql('delete from jobs.job');
    still.clock.offset = 3 * 60_000;
    await HANDLERS.expiry(still.system, {}, new AbortController().signal);
    const scopes = await still.sql(
      `select data ->> 'requestId' as id, data -> 'scope' as scope from jobs.job where name = 'export'`,
    );
    const scopeOf = (id: string) => scopes.find((job) => job['id'] === id)!['scope'];
    expect(scopeOf(own)).toMatchObject({ level: 'user', appId: app, userId: user });
    expect(scopeOf(officers)).toMatchObject({ level: 'app', appId: app });
    expect(scopeOf(officers)).not.toHaveProperty('userId');
    for (const id of [own, officers]) {
      const { data } = (await still.sql(`select data from jobs.job where data ->> 'requestId' = $1`, [id]))[0] as {
        data: Record<string, unknown>;
      };
      await HANDLERS.export(still.system, data, new AbortController().signal);
      expect((await finished(officer, id)).status).toBe('COMPLETED');
    }
  } finally {
    await still.close();
  }
});
