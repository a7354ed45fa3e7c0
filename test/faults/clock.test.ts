import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { openSigner } from '../../src/audit/signer.ts';
import { sealNow } from '../../src/audit/sealer.ts';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import { openWorld, type World } from '../support/world.ts';
import { finished, linkTo } from '../rights/support.ts';
import { expectSound, person } from './site.ts';

const DAY = 86_400_000;
let world: World;
let tenant: string;
let app: string;
beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
  app = await world.app(tenant);
  for (const name of ['today', 'ahead', 'behind']) await world.ingest(tenant, app, person(name, 5));
});
afterAll(() => world?.close());
afterEach(() => {
  world.clock.offset = 0;
});

const officer = () => world.as({ tenant, role: 'PRIVACY_OFFICER' });
const at = <T>(days: number, act: () => Promise<T>): Promise<T> => {
  world.clock.offset = days * DAY;
  return act().finally(() => (world.clock.offset = 0));
};

test('a token of today is refused a day later and a day earlier; one issued then is good then', async () => {
  const token = await world.token({ tenant, role: 'PRIVACY_OFFICER' });
  const codes = async (whose: string): Promise<string[]> =>
    (await world.as(whose)('{ requests(first: 1) { edges { cursor } } }')).codes;
  expect(await codes(token)).toEqual([]);
  for (const days of [1.1, -1.1]) {
    expect(await at(days, () => codes(token))).toEqual(['UNAUTHENTICATED']);
    const then = await at(days, () => world.token({ tenant, role: 'PRIVACY_OFFICER' }));
    expect(await at(days, () => codes(then))).toEqual([]);
    expect(await codes(then)).toEqual(['UNAUTHENTICATED']);
  }
});

test.each([
  ['ahead', 1.1],
  ['behind', -1.1],
])('requests that are made while the clock is %s by a day end, whole, then and after it was set right', async (name, days) => {
  const user = await world.userId(tenant, app, name);
  const ask = async (mutation: string): Promise<string> => {
    const { data, messages } = await officer()(`mutation ($id: ID!) { made: ${mutation} }`, { id: user });
    expect(messages).toEqual([]);
    return data.made.id ?? data.made.request.id;
  };
  await at(days, async () => {
    const made = await finished(officer(), await ask('requestAccess(userId: $id, format: JSON) { request { id } }'));
    expect(made.status).toBe('COMPLETED');
    // A link of then is good then, and the file stays for its fourteen days whatever the clock did in between.
    expect((await world.server.inject({ url: await linkTo(officer(), made.artefact.id) })).statusCode).toBe(200);
  });
  const erasure = await at(days, () => ask('eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id }'));
  expect((await finished(officer(), erasure)).status).toBe('COMPLETED');
});

test('a link of today is gone a day later, the file is not, and what is swept a day ahead is only what is old', async () => {
  const user = await world.userId(tenant, app, 'today');
  const { data } = await officer()('mutation ($id: ID!) { requestAccess(userId: $id, format: JSON) { request { id } } }', {
    id: user,
  });
  const { artefact } = await finished(officer(), data.requestAccess.request.id);
  const link = await linkTo(officer(), artefact.id);
  await at(1.1, async () => {
    expect((await world.server.inject({ url: link })).statusCode).toBeGreaterThanOrEqual(400);
    await HANDLERS.expiry(world.system, {}, new AbortController().signal);
    expect((await world.server.inject({ url: await linkTo(officer(), artefact.id) })).statusCode).toBe(200);
  });
  expect((await world.server.inject({ url: await linkTo(officer(), artefact.id) })).statusCode).toBe(200);
});

test('entries of a clock that went forth and back are sealed in one tree that verifies', async () => {
  const signer = await openSigner(world.config.keys);
  for (const days of [0, 1.1, -1.1, 0]) {
    await at(days, async () => {
      expect((await officer()('{ requests(first: 1) { edges { cursor } } }')).codes).toEqual([]);
      await sealNow(world.system, signer, tenant);
    });
  }
  await expectSound(world, tenant);
});
