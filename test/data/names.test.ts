import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type Ask, type World } from '../support/world.ts';

const NAMES = `query ($id: ID!) { conversation(id: $id) { messages(order: OLDEST_FIRST) { edges { node { author { displayName erased } } } } } }`;

let world: World;
let tenant: string;
let app: string;
let conversation: string;
let ask: Ask;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
  app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'ann', profile: { displayName: 'Ann' } },
    { type: 'user', externalId: 'bea', profile: { displayName: 'Bea' } },
    { type: 'conversation', externalId: 'c', kind: 'PUBLIC_GROUP', participants: [{ user: 'ann' }, { user: 'bea' }] },
    { type: 'message', externalId: 'm1', conversation: 'c', author: 'ann', sentAt: '2026-01-01T00:00:00Z', body: 'one' },
    { type: 'message', externalId: 'm2', conversation: 'c', author: 'bea', sentAt: '2026-01-02T00:00:00Z', body: 'two' },
  ]);
  const [row] = await world.sql('select id from conversations where tenant_id = $1', [tenant]);
  conversation = String(row!['id']);
  ask = world.as({ tenant, app });
});
afterAll(() => world.close());

const names = async (): Promise<unknown> => {
  const { codes, data } = await ask(NAMES, { id: conversation });
  return [codes, data.conversation?.messages.edges.map(({ node }: { node: { author: object | null } }) => node.author)];
};
const [ann, bea] = [
  { displayName: 'Ann', erased: false },
  { displayName: 'Bea', erased: false },
];

// A name that was opened is in memory for as long as its key; what the row holds decides each time whether it is answered.
test('a name that was read a moment ago is read anew where it has changed', async () => {
  expect(await names()).toEqual([[], [ann, bea]]);
  expect(await names()).toEqual([[], [ann, bea]]);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'ann', profile: { displayName: 'Anna' } }]);
  expect(await names()).toEqual([[], [{ ...ann, displayName: 'Anna' }, bea]]);
});

test('one that was exchanged for another’s, or damaged, is not answered from memory', async () => {
  expect((await names()) as unknown[]).toMatchObject([[], [{}, bea]]);
  const swap = `update users set profile = (select profile from users where tenant_id = $1 and id = $3) where tenant_id = $1 and id = $2`;
  const [one, two] = [await world.userId(tenant, app, 'ann'), await world.userId(tenant, app, 'bea')];
  const [held] = await world.sql('select profile from users where tenant_id = $1 and id = $2', [tenant, two]);
  await world.sql(swap, [tenant, two, one]);
  expect(await names()).toEqual([[expect.anything()], [expect.anything(), { displayName: null, erased: false }]]);
  const bytes = Buffer.from(held!['profile'] as Buffer);
  bytes[bytes.length - 1]! ^= 1;
  await world.sql('update users set profile = $3 where tenant_id = $1 and id = $2', [tenant, two, bytes]);
  expect(await names()).toEqual([[expect.anything()], [expect.anything(), { displayName: null, erased: false }]]);
  await world.sql('update users set profile = $3 where tenant_id = $1 and id = $2', [tenant, two, held!['profile']]);
  expect(await names()).toMatchObject([[], [{}, bea]]);
});

test('one whose person is being erased is gone with the request', async () => {
  expect(await names()).toMatchObject([[], [{}, bea]]);
  const { codes } = await world.as({ tenant, role: 'PRIVACY_OFFICER' })(
    'mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id } }',
    { id: await world.userId(tenant, app, 'bea') },
  );
  expect(codes).toEqual([]);
  expect(JSON.stringify(await names())).not.toContain('Bea');
});
