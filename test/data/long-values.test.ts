import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

const QUERY = `{ me { metadata channels { raw } messages { edges { node { body metadata } } } } }`;

test.each([2019, 2020, 200_000])('values of %i bytes are read, by the own token, too', async (bytes) => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const json = { k: 'é'.padEnd(bytes - '{"k":""}'.length - 1, 'x') };
  const body = 'é'.padEnd(bytes - 1, 'y');
  expect([Buffer.byteLength(JSON.stringify(json)), Buffer.byteLength(body)]).toEqual([bytes, bytes]);
  const channels = [{ channel: 'SMS', externalId: '+4930', raw: json }];
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u', metadata: json, channels },
    { type: 'user', externalId: 'v' },
    { type: 'conversation', externalId: 'c', kind: 'DIRECT', participants: [{ user: 'u' }, { user: 'v' }] },
    { type: 'message', externalId: 'm', conversation: 'c', author: 'u', sentAt: '2026-01-01T00:00:00Z', body, metadata: json },
    { type: 'message', externalId: 'n', conversation: 'c', author: 'u', sentAt: '2026-01-02T00:00:00Z' },
  ]);
  const answer = await world.as({ tenant, app, user: await world.userId(tenant, app, 'u') })(QUERY);
  expect(answer.codes).toEqual([]);
  const [empty, long] = answer.data.me.messages.edges.map(({ node }: { node: object }) => node);
  expect(empty).toEqual({ body: '', metadata: null });
  // No comparison that would print them.
  expect(long.body === body).toBe(true);
  for (const read of [answer.data.me.metadata, answer.data.me.channels[0].raw, long.metadata])
    expect(read.k === json.k).toBe(true);
});
