import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { most, plansOf } from '../support/plan.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

test('a batch looks up those it names, and reads nobody else of however many there are', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const everybody = Array.from({ length: 3000 }, (_, nth) => `u${nth}`);
  await world.ingest(
    tenant,
    app,
    everybody.flatMap((externalId) => [
      { type: 'user' as const, externalId },
      { type: 'conversation' as const, externalId, kind: 'PERSONAL' as const, participants: [{ user: externalId }] },
    ]),
  );
  await world.sql('vacuum (analyze) users, conversations');
  const asked = 1000;
  const written = (name: string) => ({
    type: 'message' as const,
    externalId: name,
    conversation: name,
    author: name,
    body: 'x',
    sentAt: '2026-01-01T00:00:00Z',
  });
  const plans = ['users', 'conversations'].map((table) =>
    plansOf(world, new RegExp(`^\\s*select(?=[^]*external_index)[^]*\\bfrom ${table}\\b`)),
  );
  await world.ingest(tenant, app, everybody.slice(0, asked).map(written));
  for (const [lookup, more] of plans) {
    expect(more).toBeUndefined();
    expect(most(lookup!)).toBeLessThanOrEqual(asked);
  }
});
