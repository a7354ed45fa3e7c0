import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let tokens: string[];
beforeAll(async () => {
  world = await openWorld({ work: false, environment: { HABEAS_POOL_SIZE: '4', HABEAS_LIMIT_SECONDS: '2' } });
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const names = Array.from({ length: 12 }, (_, i) => `u${i}`);
  await world.ingest(
    tenant,
    app,
    names.map((externalId) => ({ type: 'user', externalId })),
  );
  const ids = await Promise.all(names.map((name) => world.userId(tenant, app, name)));
  tokens = await Promise.all(ids.map((user) => world.token({ tenant, app, user })));
});
afterAll(() => world.close());

test('operations that ask for a second connection while they hold one never wait for one another in a circle', async () => {
  const one = 'requestPortability(format: JSON) { request { id artefact { id } } }';
  const answers = await Promise.all(tokens.map((token) => world.as(token)(`mutation { a: ${one} b: ${one} c: ${one} }`)));
  expect(answers.flatMap(({ codes }) => codes)).toEqual([]);
});
