import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freshDatabase, type FreshDatabase } from '../support/cluster.ts';
import { listen } from '../support/statements.ts';
import { openWorld, type World } from '../support/world.ts';

let database: FreshDatabase;
let world: World;
let tenant: string;
let app: string;
let tokens: string[];
beforeAll(async () => {
  database = await freshDatabase();
  world = await openWorld({ database, work: false, environment: { HABEAS_POOL_SIZE: '4', HABEAS_LIMIT_SECONDS: '2' } });
  tenant = await world.tenant();
  app = await world.app(tenant);
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

/** Keeps everybody from a table until told to let go. */
async function lock(table: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: database.adminUrl });
  await client.connect();
  await client.query('begin');
  await client.query(`lock table ${table} in access exclusive mode`);
  return () => client.end();
}

test('a query of several steps begins no more once they have taken longer together than a statement may alone', async () => {
  const steps = [await lock('users'), await lock('messages')];
  const asked = world.as(tokens[0]!)('{ me { messages { edges { node { reactions { emoji } } } } } }');
  for (const release of steps) {
    await sleep(1_400);
    await release();
  }
  expect(await asked).toMatchObject({ codes: ['LIMIT_EXCEEDED'], messages: ['This took longer than 2 s and was cancelled.'] });
  expect(await world.as(tokens[0]!)('{ messages { edges { node { body } } } }')).toMatchObject({ codes: [] });
});

test('where the people of a page cannot be looked up in time, the page is answered all the same, and each field says why it has none', async () => {
  const token = await world.token({ tenant, app });
  const query = '{ messages(first: 2) { edges { node { externalId author { displayName } } } } }';
  const letGo = await lock('users');
  const answer = await world.as(token)(query).finally(letGo);
  expect(answer.codes).toEqual(['LIMIT_EXCEEDED', 'LIMIT_EXCEEDED']);
  const nodes = (answer.data.messages.edges as { node: object }[]).map(({ node }) => node);
  expect(nodes).toEqual([
    { externalId: expect.stringMatching(/^of u/), author: null },
    { externalId: expect.stringMatching(/^of u/), author: null },
  ]);
});

test('what went wrong with the people of a page is told to each field, and not tried again in a transaction that it ended', async () => {
  const token = await world.token({ tenant, app });
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  const statements = listen(world);
  try {
    await admin.query('revoke select on users from habeas_app');
    const answer = await world.as(token)('{ messages(first: 2) { edges { node { author { displayName } } } } }');
    expect(answer.codes).toEqual(['INTERNAL_SERVER_ERROR', 'INTERNAL_SERVER_ERROR']);
    expect(answer.data.messages.edges).toEqual([{ node: { author: null } }, { node: { author: null } }]);
    expect(statements.filter((sql) => sql.includes('from users'))).toHaveLength(1);
  } finally {
    await admin.query('grant select on users to habeas_app');
    await admin.end();
  }
});
