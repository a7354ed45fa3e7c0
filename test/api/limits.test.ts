import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { openWorld, type World } from '../support/world.ts';

const LIMITS = {
  HABEAS_LIMIT_BODY: '4096',
  HABEAS_LIMIT_NESTING: '16',
  HABEAS_LIMIT_TOKENS: '200',
  HABEAS_LIMIT_DEPTH: '7',
  HABEAS_LIMIT_ALIASES: '5',
  HABEAS_LIMIT_ROOT_FIELDS: '6',
  HABEAS_LIMIT_DIRECTIVES: '4',
  HABEAS_LIMIT_SELECTIONS: '60',
  HABEAS_LIMIT_COST: '500',
  HABEAS_LIMIT_PAGE: '100',
  HABEAS_LIMIT_TEXT: '16777216',
  HABEAS_LIMIT_OPEN_REQUESTS: '2',
};

let world: World;
let token: string;
let tenant: string;
let app: string;
beforeAll(async () => {
  world = await openWorld({ work: false, environment: LIMITS });
  tenant = await world.tenant();
  app = await world.app(tenant);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'u1' }]);
  token = await world.token({ tenant, app });
});
afterAll(() => world.close());

const times = (n: number, of: (i: number) => string): string => Array.from({ length: n }, (_, i) => of(i)).join(' ');
const post = async (body: string): Promise<{ status: number; code: string | undefined }> => {
  const response = await world.server.inject({
    method: 'POST',
    url: '/graphql',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    payload: body,
  });
  const { errors } = response.json<{ errors?: { extensions?: { code?: string } }[] }>();
  return { status: response.statusCode, code: errors?.[0]?.extensions?.code };
};
const ask = (query: string, variables = {}): Promise<{ status: number; code: string | undefined }> =>
  post(JSON.stringify({ query, variables }));

/** Depth 7 is apps > ... : the deepest chain of fields that the schema offers without lists in between. */
const deep = (n: number): string =>
  `{ users(first: 1) { edges { node { conversations(first: 1) { edges { node ${n > 6 ? '{ messages(first: 1) { edges { cursor } } }' : '{ id }'} } } } } } }`;

describe('at the limit, and one beyond', () => {
  test('bytes of a body', async () => {
    const body = (size: number): string =>
      JSON.stringify({ query: '{ apps { id } }', variables: { pad: '' } }).replace('""', `"${'x'.repeat(size)}"`);
    const base = body(0).length;
    expect(await post(body(4096 - base))).toEqual({ status: 200, code: undefined });
    expect(await post(body(4097 - base))).toEqual({ status: 413, code: 'LIMIT_EXCEEDED' });
  });

  test('brackets inside one another, before anything is parsed', async () => {
    const body = (depth: number): string =>
      `{"query":"{ apps { id } }","variables":{"x":${'['.repeat(depth - 2)}${']'.repeat(depth - 2)}}}`;
    expect(await post(body(16))).toEqual({ status: 200, code: undefined });
    expect(await post(body(17))).toEqual({ status: 400, code: 'LIMIT_EXCEEDED' });
    expect((await post(`{"query":"{ apps { id } }","variables":{"x":${'['.repeat(1900)}`)).code).toBe('LIMIT_EXCEEDED');
  });

  test('tokens of a document', async () => {
    // `{ apps { id … } }` has five tokens and one for each `id`; the hidden first one of the lexer makes six.
    expect((await ask(`{ apps { ${times(194, () => 'id')} } }`)).code).not.toBe('GRAPHQL_PARSE_FAILED');
    expect(await ask(`{ apps { ${times(196, () => 'id')} } }`)).toMatchObject({ code: 'GRAPHQL_PARSE_FAILED' });
  });

  test('levels of fields, also through fragments', async () => {
    expect((await ask(deep(6))).code).toBeUndefined();
    expect((await ask(deep(8))).code).toBe('LIMIT_EXCEEDED');
    const through =
      'query { users(first: 1) { edges { node { ...a } } } } fragment a on User { conversations(first: 1) { edges { node { messages(first: 1) { edges { cursor } } } } } }';
    expect((await ask(through)).code).toBe('LIMIT_EXCEEDED');
  });

  test('tools may introspect all the same, with a token that may', async () => {
    const plain = await openWorld({ work: false });
    const inside = await plain.tenant();
    const answer = await plain.as({ tenant: inside, role: 'AUDITOR' })(getIntrospectionQuery());
    expect(answer.codes).toEqual([]);
    expect(answer.data.__schema.types.length).toBeGreaterThan(50);
    await plain.close();
  });

  test('aliases', async () => {
    expect((await ask(`{ ${times(1, () => `apps { ${times(5, (i) => `a${i}: id`)} }`)} }`)).code).toBeUndefined();
    expect((await ask(`{ apps { ${times(6, (i) => `a${i}: id`)} } }`)).code).toBe('LIMIT_EXCEEDED');
  });

  test('root fields, also through fragments', async () => {
    expect((await ask(`{ ${times(6, () => 'apps { id }')} }`)).code).toBeUndefined();
    expect((await ask(`{ ${times(7, () => 'apps { id }')} }`)).code).toBe('LIMIT_EXCEEDED');
    expect(
      (await ask(`{ ${times(4, () => 'apps { id }')} ...f } fragment f on Query { ${times(3, () => 'apps { id }')} }`)).code,
    ).toBe('LIMIT_EXCEEDED');
  });

  test('directives', async () => {
    expect((await ask(`{ apps { ${times(4, () => 'id @include(if: true)')} } }`)).code).toBeUndefined();
    expect((await ask(`{ apps { ${times(5, () => 'id @include(if: true)')} } }`)).code).toBe('LIMIT_EXCEEDED');
  });

  test('selections once fragments are unfolded', async () => {
    const bomb = (n: number): string =>
      `{ apps { ...f } } fragment f on App { ${times(n, () => '...g')} } fragment g on App { ${times(5, () => 'id')} }`;
    // apps, its spread, and for each `...g` the spread and five fields.
    expect((await ask(bomb(9))).code).toBeUndefined();
    expect((await ask(bomb(10))).code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test('a fragment bomb of 1.7 kB is refused at once', async () => {
    const bomb = times(20, (i) => `fragment f${i} on App { ${i < 19 ? times(3, () => `...f${i + 1}`) : 'id'} }`);
    const begun = performance.now();
    expect((await ask(`{ apps { ...f0 } } ${bomb}`)).code).toMatch(/VALIDATION|PARSE/);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test('cost by page size, also in variables', async () => {
    const query = 'query ($n: Int!) { users(first: $n) { edges { node { channels { channel } } } } }';
    // One connection, and for each edge: itself, its node, and a list taken as ten.
    expect((await ask(query, { n: 41 })).code).toBeUndefined();
    expect((await ask(query, { n: 42 })).code).toBe('LIMIT_EXCEEDED');
  });

  test('the size of a page', async () => {
    expect((await ask('{ users(first: 100) { edges { cursor } } }')).code).toBeUndefined();
    expect((await ask('{ users(first: 101) { edges { cursor } } }')).code).toBe('LIMIT_EXCEEDED');
  });

  test('bytes of texts and metadata, as often as they are answered', async () => {
    const participants = [{ user: 'u1' }];
    const texts = [...Array.from({ length: 17 }, (_, i) => 'x'.repeat(i < 16 ? 1_000_000 : 777_216)), 'y'];
    await world.ingest(tenant, app, [
      { type: 'conversation', externalId: 'long', kind: 'PUBLIC_GROUP', participants },
      ...texts.map((body, i) => ({
        type: 'message' as const,
        externalId: `m${i}`,
        conversation: 'long',
        author: 'u1',
        sentAt: new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString(),
        body,
        ...(i > 0 && { replyTo: 'm0' }),
      })),
    ]);
    const query = (first: number, field: string): string =>
      `query { messages(first: ${first}, order: OLDEST_FIRST) { edges { node { ${field} } } } }`;
    const reader = world.as({ tenant, app });
    const answer = await reader(query(17, 'body'));
    expect(answer.codes).toEqual([]);
    const bodies = answer.data.messages.edges.map(({ node }: { node: { body: string } }) => node.body.length);
    expect(bodies).toEqual(texts.slice(0, 17).map((text) => text.length));
    expect(await ask(query(18, 'body'))).toEqual({ status: 200, code: 'LIMIT_EXCEEDED' });
    expect(await ask(query(18, 'externalId'))).toEqual({ status: 200, code: undefined });
    // The same values, by way of other fields.
    expect(await ask(query(9, 'a: body b: body'))).toEqual({ status: 200, code: 'LIMIT_EXCEEDED' });
    expect(await ask(query(17, 'replyTo { body }'))).toEqual({ status: 200, code: undefined });
    expect(await ask(query(18, 'replyTo { body }'))).toEqual({ status: 200, code: 'LIMIT_EXCEEDED' });
  });

  test('open requests about one person', async () => {
    const user = await world.userId(tenant, app, 'u1');
    const request = 'mutation ($user: ID!) { requestPortability(userId: $user, format: JSON) { request { id } } }';
    const asked = [await ask(request, { user }), await ask(request, { user }), await ask(request, { user })];
    expect(asked.map(({ code }) => code)).toEqual([undefined, undefined, 'LIMIT_EXCEEDED']);
  });

  test('a batch of operations is not taken at all', async () => {
    expect((await post(JSON.stringify([{ query: '{ apps { id } }' }]))).status).toBe(400);
  });
});
