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
    names.flatMap((name) => [
      { type: 'user', externalId: name },
      { type: 'conversation', externalId: `with ${name}`, kind: 'PERSONAL', participants: [{ user: name }] },
      {
        type: 'message',
        externalId: `of ${name}`,
        conversation: `with ${name}`,
        author: name,
        sentAt: '2026-01-01T00:00:00Z',
        body: 'hi',
      },
    ]),
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

test('an answer that is out before all behind it was read keeps no connection, however often it is asked for', async () => {
  // Nothing can be answered where the first field has failed; what is behind the others would be looked up after the answer.
  const early = `{
    tenants { id }
    conversations { edges { node { messages { edges { node { author { id } conversation { id } replies { pageInfo { hasNextPage } } } } } } } }
    messages { edges { node { author { id } mentions { id } reactions { emoji } attachments { id } replyTo { id } conversation { id } } } }
  }`;
  for (let round = 0; round < 4; round += 1) {
    const answers = await Promise.all(tokens.map((token) => world.as(token)(early)));
    expect(new Set(answers.flatMap(({ codes }) => codes))).toEqual(new Set(['FORBIDDEN']));
  }
  expect(await world.as(tokens[0]!)('{ messages { edges { node { body } } } }')).toMatchObject({ codes: [] });
});
