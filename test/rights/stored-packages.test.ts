import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';
import { finished } from './erasure.support.ts';

const DAY_MS = 86_400_000;
const REQUEST = 'mutation { requestPortability(format: JSON) { request { id } } }';
const FOR = 'mutation ($id: ID!) { requestAccess(userId: $id, format: JSON, others: OWN) { request { id } } }';

let world: World;
beforeAll(async () => {
  world = await openWorld({ environment: { HABEAS_LIMIT_PACKAGES: '2' } });
});
afterAll(() => world.close());

test('a person asks for no more packages than may lie in store, until one expires; an officer and others do', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'ada' },
    { type: 'user', externalId: 'bob' },
  ]);
  const [ada, bob] = [await world.userId(tenant, app, 'ada'), await world.userId(tenant, app, 'bob')];
  const own = async (user: string) => {
    const { data, codes, messages } = await world.as(await world.token({ tenant, app, user }))(REQUEST);
    if (!codes.length) expect((await finished(world, data.requestPortability.request.id))['status']).toBe('COMPLETED');
    return { code: codes[0], message: messages[0] };
  };
  // What others asked for is not counted, and they are not bound by it.
  const officer = world.as(await world.token({ tenant, role: 'PRIVACY_OFFICER' }));
  for (let nth = 0; nth < 3; nth += 1) {
    const { data, codes } = await officer(FOR, { id: ada });
    expect(codes).toEqual([]);
    await finished(world, data.requestAccess.request.id);
  }
  for (const day of [0, 1]) {
    world.clock.offset = day * DAY_MS;
    expect((await own(ada)).code).toBeUndefined();
  }
  const [first, second] = (await world.sql(
    `select a.expires_at as at from artefacts a join requests r on r.id = a.request_id where r.type = 'PORTABILITY' and r.subject_id = $1 order by 1`,
    [ada],
  )) as [{ at: Date }, { at: Date }];
  const refused = await own(ada);
  expect(refused.code).toBe('LIMIT_EXCEEDED');
  expect(refused.message).toContain(first.at.toISOString());
  expect((await own(bob)).code).toBeUndefined();
  // The first is gone: there is room for one.
  world.clock.offset = first.at.getTime() - Date.now() + 1000;
  expect((await own(ada)).code).toBeUndefined();
  const again = await own(ada);
  expect(again.code).toBe('LIMIT_EXCEEDED');
  expect(again.message).toContain(second.at.toISOString());
  // Where there are more than may be, the first to expire does not make room yet.
  const limits = world.system.config.limits;
  limits.packages = 1;
  const [, last] = (await world.sql(
    `select a.expires_at as at from artefacts a join requests r on r.id = a.request_id where r.type = 'PORTABILITY' and r.subject_id = $1 and a.expires_at > $2 order by 1`,
    [ada, first.at],
  )) as [unknown, { at: Date }];
  expect((await own(ada)).message).toContain(last.at.toISOString());
  limits.packages = 2;
  // A file that was deleted before its time makes room, too.
  await world.sql('update artefacts set deleted_at = now() where expires_at = $1', [second.at]);
  expect((await own(ada)).code).toBeUndefined();
});

test('packages that are being made count, too', async () => {
  const idle = await openWorld({ work: false, environment: { HABEAS_LIMIT_PACKAGES: '2' } });
  try {
    const tenant = await idle.tenant();
    const app = await idle.app(tenant);
    await idle.ingest(tenant, app, [{ type: 'user', externalId: 'ada' }]);
    const ask = idle.as(await idle.token({ tenant, app, user: await idle.userId(tenant, app, 'ada') }));
    const codes = await Promise.all([ask(REQUEST), ask(REQUEST), ask(REQUEST)]);
    expect(codes.flatMap((answer) => answer.codes)).toEqual(['LIMIT_EXCEEDED']);
  } finally {
    await idle.close();
  }
});
