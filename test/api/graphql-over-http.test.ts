import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { auditServer } from 'graphql-http';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

test('every audit of GraphQL over HTTP passes with a token', async () => {
  const tenant = await world.tenant();
  const token = await world.token({ tenant, app: await world.app(tenant) });
  const url = await world.server.listen({ host: '127.0.0.1', port: 0 });
  const results = await auditServer({
    url: `${url}/graphql`,
    fetchFn: (input: string, init: RequestInit = {}) =>
      fetch(input, {
        ...init,
        headers: { ...(init.headers as object), authorization: `Bearer ${token}`, 'apollo-require-preflight': 'true' },
      }),
  });
  expect(
    results
      .filter((result) => result.status !== 'ok')
      .map((result) => [result.status, result.name, 'reason' in result ? result.reason : '']),
  ).toEqual([]);
  expect(results.length).toBeGreaterThanOrEqual(61);
});

test('no answer may be kept by a cache on its way', async () => {
  const tenant = await world.tenant();
  const token = await world.token({ tenant });
  for (const query of ['{ __typename }', '{ nothing }']) {
    const response = await world.server.inject({
      url: `/graphql?query=${encodeURIComponent(query)}`,
      headers: { authorization: `Bearer ${token}`, 'apollo-require-preflight': 'true' },
    });
    expect(response.headers['cache-control']).toBe('no-store');
  }
});
