import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

test('callers who hang up cost no error, and give their connections back', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(
    tenant,
    app,
    Array.from({ length: 200 }, (_, i) => ({
      type: 'user' as const,
      externalId: `u${i}`,
      profile: { displayName: `User ${i}` },
    })),
  );
  const token = await world.token({ tenant, app });
  const url = await world.server.listen({ host: '127.0.0.1', port: 0 });
  const errors: string[] = [];
  world.system.log.error = (_fields, message) => void errors.push(message);
  const body = JSON.stringify({
    query:
      '{ users(first: 200) { edges { node { profile { displayName } identifiers { type } conversations(first: 5) { edges { cursor } } } } } }',
  });
  for (let i = 0; i < 20; i += 1) {
    const hangUp = new AbortController();
    const asked = fetch(`${url}/graphql`, {
      method: 'POST',
      signal: hangUp.signal,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body,
    });
    setTimeout(() => hangUp.abort(), i * 3);
    await asked.then((response) => response.text()).catch(() => undefined);
  }
  // More than the pool holds: each would wait for ever if a connection had been kept.
  for (let i = 0; i < 10; i += 1) expect((await world.as(token)('{ apps { id } }')).codes).toEqual([]);
  expect(errors).toEqual([]);
});
