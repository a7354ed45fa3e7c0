import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { openWorld, type Ask, type World } from '../support/world.ts';

/* Texts of a page are opened together, those of each owner by one cipher: what they say, and what a broken one says, must not depend on that. */

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

const QUERY = `query ($id: ID!) { conversation(id: $id) { messages(first: 100) { edges { node { externalId body again: body } } } } }`;
/** Of every length about which something may be wrong: none, whole blocks of the cipher, what is too long to be opened with others, what is left out of pages. */
const LENGTHS = [0, 1, 15, 16, 17, 60, 1023, 1024, 1025, 2019, 2020, 5000];

let tenant: string;
let id: string;
let ask: Ask;
const texts = new Map<string, string>();

beforeEach(async () => {
  tenant = await world.tenant();
  const app = await world.app(tenant);
  texts.clear();
  for (const author of ['u', 'v'])
    for (const length of LENGTHS) texts.set(`${author}${length}`, randomBytes(length).toString('base64').slice(0, length));
  // The only one of its author, and one that is not ASCII.
  texts.set('w9', 'alone').set('u60', 'é😀'.repeat(10));
  await world.ingest(tenant, app, [
    ...['u', 'v', 'w'].map((externalId) => ({ type: 'user' as const, externalId })),
    { type: 'conversation', externalId: 'c', kind: 'PUBLIC_GROUP', participants: ['u', 'v', 'w'].map((user) => ({ user })) },
    ...[...texts].map(([externalId, body]) => ({
      type: 'message' as const,
      externalId,
      conversation: 'c',
      author: externalId[0],
      sentAt: '2026-01-01T00:00:00Z',
      body,
    })),
  ]);
  [{ id }] = (await world.sql('select id from conversations where tenant_id = $1', [tenant])) as [{ id: string }];
  ask = world.as({ tenant, app });
});

async function read(): Promise<{ said: Map<string, string | null>; codes: string[] }> {
  const { data, codes } = await ask(QUERY, { id });
  const nodes = data.conversation.messages.edges.map(({ node }: { node: { body: string | null; again: string | null } }) => node);
  for (const node of nodes) expect(node.again).toBe(node.body);
  return { said: new Map(nodes.map((node: { externalId: string; body: string | null }) => [node.externalId, node.body])), codes };
}

test('they say what was written, with keys that are loaded and with keys that are in memory', async () => {
  world.system.keys.cache.forget(tenant);
  for (let round = 0; round < 2; round += 1) expect(await read()).toEqual({ said: texts, codes: [] });
});

test.each(['u1', 'u16', 'u60', 'v1024', 'v1025', 'w9'])(
  '%s, if it was changed, is an error, and all others are read',
  async (broken) => {
    await world.sql(
      'update messages set body = set_byte(body, octet_length(body) - 20, get_byte(body, octet_length(body) - 20) # 1) where tenant_id = $1 and external_id = $2',
      [tenant, broken],
    );
    for (let round = 0; round < 2; round += 1) {
      const { said, codes } = await read();
      expect(codes).toEqual(['INTERNAL_SERVER_ERROR', 'INTERNAL_SERVER_ERROR']);
      expect(said).toEqual(new Map(texts).set(broken, null as never));
    }
  },
);

test('those whose key was destroyed read as nothing', async () => {
  await world.sql(
    `delete from keys.subject_keys where tenant_id = $1 and subject_id in (select author_id from messages where tenant_id = $1 and external_id = 'u1')`,
    [tenant],
  );
  world.system.keys.cache.forget(tenant);
  const { said, codes } = await read();
  expect(codes).toEqual([]);
  for (const [message, text] of texts) expect(said.get(message)).toBe(message.startsWith('u') ? null : text);
});
