import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { ERASE_USER, tell, type Story } from './erasure.support.ts';
import { requestOf } from './support.ts';

// Erasures beside requests for packages of the same people. Nobody works on the queue: the tests run the jobs themselves.
let world: World;
let story: Story;
let officer: Ask;

beforeAll(async () => {
  world = await openWorld({ work: false, environment: { HABEAS_LIMIT_OPEN_REQUESTS: '2' } });
});
afterAll(() => world.close());
beforeEach(async () => {
  const tenant = await world.tenant();
  story = await tell(world, tenant, await world.app(tenant));
  officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
});

test('however many packages somebody has asked for, they can be erased, and so can their app', async () => {
  const ada = world.as({ tenant: story.tenant, app: story.app, user: story.ada });
  await requestOf(ada, 'requestAccess', story.ada);
  await requestOf(ada, 'requestPortability', story.ada);
  await expect(requestOf(ada, 'requestAccess', story.ada)).rejects.toThrow('wait for one of them to end');
  expect((await officer(ERASE_USER, { user: story.ada })).codes).toEqual([]);
  expect((await officer(ERASE_USER, { user: story.ada })).codes).toEqual(['CONFLICT']);

  const integrator = world.as({ tenant: story.tenant, app: story.app });
  for (const codes of [[], [], ['LIMIT_EXCEEDED']])
    expect((await integrator('mutation ($app: ID!) { exportApp(appId: $app) { id } }', { app: story.app })).codes).toEqual(codes);
  const eraseApp = 'mutation ($app: ID!) { eraseApp(appId: $app, ground: CONTRACT_ENDED, confirm: "App") { id } }';
  expect((await officer(eraseApp, { app: story.app })).codes).toEqual([]);
});
