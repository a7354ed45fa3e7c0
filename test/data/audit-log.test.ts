import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { verifyInclusion } from '../../src/audit/proofs.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let tenant: string;
let app: string;
beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
  app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u1', profile: { displayName: 'Ada', email: 'ada@example.org' } },
  ]);
});
afterAll(() => world.close());

const LOG =
  'query ($act: String) { auditLog(first: 20, act: $act) { edges { node { id act outcome actorScope actorUser targets leafIndex } } } }';

test('an auditor reads who read what, without any content', async () => {
  const user = await world.userId(tenant, app, 'u1');
  await world.as({ tenant, app, user })('{ me { id } }');
  const answer = await world.as({ tenant, role: 'AUDITOR' })(LOG, { act: 'user.read' });
  expect(answer.codes).toEqual([]);
  expect(answer.data.auditLog.edges[0].node).toMatchObject({
    act: 'user.read',
    outcome: 'DONE',
    actorScope: 'user',
    actorUser: user,
  });
  expect(JSON.stringify(answer.data)).not.toContain('Ada');
});

test('what a token was denied is in the log as well', async () => {
  expect((await world.as({ tenant, role: 'AUDITOR' })('{ users { edges { node { id } } } }')).codes).toEqual(['FORBIDDEN']);
  const answer = await world.as({ tenant, role: 'AUDITOR' })(LOG, { act: 'permission.denied' });
  expect(answer.data.auditLog.edges[0].node).toMatchObject({ outcome: 'DENIED', targets: { field: 'users' } });
});

test.each([
  ['an integrator', { role: 'INTEGRATOR' as const }],
  ['a data subject', { user: true }],
])('%s cannot read the log', async (_, who) => {
  const user = await world.userId(tenant, app, 'u1');
  const answer = await world.as({ tenant, app, ...('user' in who ? { user } : who) })(LOG);
  expect(answer.codes).toEqual(['FORBIDDEN']);
});

test('an entry is proved to be in the newest checkpoint within seconds', async () => {
  const ask = world.as({ tenant, role: 'AUDITOR' });
  let proof;
  for (let tries = 0; !proof && tries < 100; tries += 1) {
    const { data } = await ask(LOG);
    const sealed = data.auditLog.edges.find((edge: { node: { leafIndex: number | null } }) => edge.node.leafIndex !== null);
    if (sealed)
      proof = (
        await ask('query ($id: ID!) { auditProof(entryId: $id) { index size root leafHash proof } }', { id: sealed.node.id })
      ).data.auditProof;
    else await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const hash = (hex: string): Buffer => Buffer.from(hex, 'hex');
  expect(verifyInclusion(hash(proof.leafHash), proof.index, proof.size, proof.proof.map(hash), hash(proof.root))).toBe(true);
});
