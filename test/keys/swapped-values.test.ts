import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';

const SECRETS = ['Ada Byron', 'Ben Stone', 'Cleo Nile', 'hello from Ada', 'hello from Ben', 'hello from Cleo'];
const GRAPH = `query ($id: ID!) { user(id: $id) { externalId profile { displayName } identifiers { value } } }`;
const SAID = 'query ($id: ID!) { message(id: $id) { body } }';

let world: World;
let ada: { tenant: string; app: string; user: string; message: string };
let ben: { user: string; message: string };
let cleo: { tenant: string; app: string; user: string; message: string };

async function person(tenant: string, app: string, id: string, name: string): Promise<{ user: string; message: string }> {
  await world.ingest(tenant, app, [
    {
      type: 'user',
      externalId: id,
      profile: { displayName: name },
      identifiers: [{ type: 'EMAIL', value: `${id}@example.org` }],
    },
    { type: 'conversation', externalId: `c-${id}`, kind: 'PRIVATE_GROUP', name: `room of ${name}`, participants: [{ user: id }] },
    {
      type: 'message',
      externalId: `m-${id}`,
      conversation: `c-${id}`,
      author: id,
      sentAt: '2026-01-01T00:00:00Z',
      body: `hello from ${name.split(' ')[0]}`,
    },
  ]);
  const user = await world.userId(tenant, app, id);
  const [message] = await world.sql('select id from messages where tenant_id = $1 and author_id = $2', [tenant, user]);
  return { user, message: String(message!['id']) };
}

beforeAll(async () => {
  world = await openWorld({ work: false });
  const place = async () => {
    const tenant = await world.tenant();
    return { tenant, app: await world.app(tenant) };
  };
  const [one, two] = [await place(), await place()];
  ada = { ...one, ...(await person(one.tenant, one.app, 'ada', 'Ada Byron')) };
  ben = await person(one.tenant, one.app, 'ben', 'Ben Stone');
  cleo = { ...two, ...(await person(two.tenant, two.app, 'cleo', 'Cleo Nile')) };
});
afterAll(() => world.close());
beforeEach(() => {
  // What was opened before must be opened again.
  for (const tenant of [ada.tenant, cleo.tenant]) world.system.keys.cache.forget(tenant);
});

const ask = (document: string, id: string) =>
  world.as({ role: 'INTEGRATOR', tenant: ada.tenant, app: ada.app })(document, { id });

test('what nobody touched opens', async () => {
  expect((await ask(GRAPH, ada.user)).data.user).toMatchObject({ externalId: 'ada', profile: { displayName: 'Ada Byron' } });
  expect((await ask(SAID, ada.message)).data.message).toEqual({ body: 'hello from Ada' });
});

/** Each puts, as the owner of the database could, one sealed value where another belongs. */
test.each<[string, () => string, 'user' | 'message']>([
  [
    'from another person',
    () => `update users a set profile = b.profile from users b where a.id = '${ada.user}' and b.id = '${ben.user}'`,
    'user',
  ],
  [
    "from another tenant's person",
    () => `update users a set profile = b.profile from users b where a.id = '${ada.user}' and b.id = '${cleo.user}'`,
    'user',
  ],
  ['from another column of the same row', () => `update users set profile = external_id where id = '${ada.user}'`, 'user'],
  [
    'from another table of the same person',
    () => `update users a set external_id = i.value from identifiers i where a.id = '${ada.user}' and i.user_id = a.id`,
    'user',
  ],
  [
    "from another person's identifier",
    () =>
      `update identifiers a set value = b.value from identifiers b where a.user_id = '${ada.user}' and b.user_id = '${ben.user}' and a.type = 'EMAIL' and b.type = 'EMAIL'`,
    'user',
  ],
  [
    "from another person's message",
    () => `update messages a set body = b.body from messages b where a.id = '${ada.message}' and b.id = '${ben.message}'`,
    'message',
  ],
  [
    "from another tenant's message",
    () => `update messages a set body = b.body from messages b where a.id = '${ada.message}' and b.id = '${cleo.message}'`,
    'message',
  ],
  [
    'with its person, so that the key fits and the row does not',
    () =>
      `update messages a set body = b.body, subject_id = b.subject_id, author_id = b.author_id from messages b where a.id = '${ada.message}' and b.id = '${ben.message}'`,
    'message',
  ],
  [
    'with one bit changed',
    () => `update messages set body = set_byte(body, 20, get_byte(body, 20) # 1) where id = '${ada.message}'`,
    'message',
  ],
  ['cut short', () => `update messages set body = substr(body, 1, 10) where id = '${ada.message}'`, 'message'],
  ['of another version', () => `update messages set body = set_byte(body, 0, 2) where id = '${ada.message}'`, 'message'],
  [
    'under the key of another person',
    () =>
      `update keys.subject_keys a set wrapped = b.wrapped from keys.subject_keys b where a.subject_id = '${ada.user}' and b.subject_id = '${ben.user}'`,
    'message',
  ],
  [
    'under the key of another tenant',
    () =>
      `update keys.tenant_keys a set wrapped = b.wrapped, master_id = b.master_id from keys.tenant_keys b where a.tenant_id = '${ada.tenant}' and b.tenant_id = '${cleo.tenant}'`,
    'message',
  ],
])('a sealed value %s is refused on reading, and nothing of it is told', async (_, swap, kind) => {
  const token = await world.token({ role: 'INTEGRATOR', tenant: ada.tenant, app: ada.app });
  const tables = ['users', 'identifiers', 'messages', 'keys.subject_keys', 'keys.tenant_keys'];
  for (const table of tables) await world.sql(`create table kept_${table.replace('.', '_')} as table ${table}`);
  // The token's own key is in the cache of the verifier; the tenant's must not be.
  await world.as(token)('{ __typename }');
  world.system.keys.cache.forget(ada.tenant);
  try {
    await world.sql(swap());
    const answer = await world.as(token)(kind === 'user' ? GRAPH : SAID, { id: kind === 'user' ? ada.user : ada.message });
    expect(new Set(answer.codes)).toEqual(new Set(['INTERNAL_SERVER_ERROR']));
    const told = JSON.stringify(answer);
    for (const secret of kind === 'user' ? SECRETS.slice(1) : SECRETS) expect(told).not.toContain(secret);
  } finally {
    await world.sql(`update users a set profile = b.profile, external_id = b.external_id from kept_users b where a.id = b.id`);
    await world.sql(`update identifiers a set value = b.value from kept_identifiers b where a.id = b.id`);
    await world.sql(
      `update messages a set body = b.body, subject_id = b.subject_id, author_id = b.author_id from kept_messages b where a.id = b.id`,
    );
    await world.sql(
      `update keys.subject_keys a set wrapped = b.wrapped from kept_keys_subject_keys b where a.subject_id = b.subject_id and a.tenant_id = b.tenant_id`,
    );
    await world.sql(
      `update keys.tenant_keys a set wrapped = b.wrapped, master_id = b.master_id from kept_keys_tenant_keys b where a.tenant_id = b.tenant_id`,
    );
    for (const table of tables) await world.sql(`drop table kept_${table.replace('.', '_')}`);
    world.system.keys.cache.forget(ada.tenant);
  }
  expect((await ask(SAID, ada.message)).data.message).toEqual({ body: 'hello from Ada' });
});

test("a key's secret that was swapped with another's opens nothing", async () => {
  const [one, two] = [
    await world.key({ role: 'AUDITOR', tenant: ada.tenant }),
    await world.key({ role: 'LEGAL_APPROVER', tenant: ada.tenant }),
  ];
  await world.sql('update api_keys a set secret = b.secret from api_keys b where a.kid = $1 and b.kid = $2', [one.kid, two.kid]);
  const answer = await world.as({ tenant: ada.tenant })(
    'mutation ($kid: ID!) { issueToken(kid: $kid, level: TENANT) { token } }',
    { kid: one.kid },
  );
  expect(answer).toMatchObject({ data: null, codes: ['INTERNAL_SERVER_ERROR'] });
});
