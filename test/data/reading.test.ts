import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openWorld, type Answer, type Ask, type World } from '../support/world.ts';
import { settle, type Town } from './town.ts';

let world: World;
let town: Town;
let integrator: Ask;
beforeAll(async () => {
  world = await openWorld({ work: false });
  town = await settle(world);
  integrator = world.as({ tenant: town.tenant, app: town.app });
});
afterAll(() => world.close());

const MESSAGE = `query ($id: ID!) { message(id: $id) {
  externalId sentAt kind channel direction body metadata campaignId replyCount
  author { displayName erased } conversation { name kind } mentions { displayName } reactions { emoji reactedAt person { displayName } }
  attachments { name contentType size url stored } replyTo { externalId } replies { edges { node { externalId } } } } }`;

test('a message is read with its author, mentions, reactions, thread and files', async () => {
  const first = await integrator(MESSAGE, { id: town.messages['g1'] });
  expect(first.codes).toEqual([]);
  expect(first.data.message).toMatchObject({
    externalId: 'g1',
    sentAt: '2026-01-01T00:10:00.000Z',
    body: 'before @ada display',
    metadata: { client: 'ben-client' },
    author: { displayName: 'ben display', erased: false },
    conversation: { name: 'General', kind: 'PUBLIC_GROUP' },
    mentions: [{ displayName: 'ada display' }],
    reactions: [{ emoji: 'ok', person: { displayName: 'ada display' } }],
    replyTo: null,
    replyCount: 2,
    replies: { edges: [{ node: { externalId: 'g2' } }, { node: { externalId: 'g3' } }] },
  });
  const second = await integrator(MESSAGE, { id: town.messages['g2'] });
  expect(second.data.message).toMatchObject({
    replyTo: { externalId: 'g1' },
    attachments: [
      {
        name: 'plan.pdf',
        contentType: 'application/pdf',
        size: 3_000_000_000,
        url: 'https://files.example.org/f1',
        stored: false,
      },
    ],
  });
});

test('a person is read with profile, identifiers, channels, links, conversations, messages and calls', async () => {
  const answer = await integrator(
    `query ($id: ID!) { user(id: $id) { externalId kind profile { displayName surname email pronouns } metadata signedUpAt
      identifiers { type value verifiedAt } channels { channel externalId displayName raw } businessLinks { edges { node { system reference } } }
      conversations(order: OLDEST_FIRST) { edges { node { kind participants { edges { node { role person { displayName } } } } } } }
      messages(order: OLDEST_FIRST) { edges { node { externalId } } } calls(order: OLDEST_FIRST) { edges { node { externalId initiator { displayName } participants { person { displayName } } } } } }
      deliveries(userId: $id) { edges { node { source destination status messageId } } } }`,
    { id: town.ada },
  );
  expect(answer.codes).toEqual([]);
  const { user } = answer.data;
  expect(user).toMatchObject({
    externalId: 'ada',
    kind: 'END_USER',
    profile: { displayName: 'ada display', surname: 'ada-surname', email: 'ada@example.org', pronouns: null },
    metadata: { plan: 'ada-metadata' },
    signedUpAt: '2026-01-01T00:00:00.000Z',
    channels: [{ channel: 'TWITTER', externalId: 'ada-channel', displayName: 'ada-on-channel', raw: { from: 'ada-raw' } }],
    businessLinks: { edges: [{ node: { system: 'crm', reference: 'TICKET-1' } }] },
    messages: { edges: ['g2', 'p1', 'p2'].map((externalId) => ({ node: { externalId } })) },
    calls: { edges: [{ node: { externalId: 'k1' } }, { node: { externalId: 'k3', initiator: { displayName: 'ada display' } } }] },
  });
  expect(user.identifiers).toContainEqual({ type: 'EMAIL', value: 'Ada@Example.org', verifiedAt: '2026-01-01T00:00:00.000Z' });
  expect(user.conversations.edges.map(({ node }: { node: { kind: string } }) => node.kind)).toEqual(['PUBLIC_GROUP', 'PERSONAL']);
  expect(user.conversations.edges[0].node.participants.edges).toHaveLength(4);
  expect(answer.data.deliveries.edges).toEqual([
    { node: { source: '+100', destination: '+200', status: 'delivered', messageId: town.messages['p2'] } },
  ]);
});

test('an agent’s messages are theirs too, where they are a customer’s data', async () => {
  const answer = await integrator('query ($id: ID!) { user(id: $id) { messages { edges { node { externalId } } } } }', {
    id: town.cat,
  });
  expect(answer.data.user.messages.edges).toEqual([{ node: { externalId: 'p2' } }]);
});

const LIST = `query ($first: Int, $after: String, $order: Order, $from: DateTimeISO, $to: DateTimeISO, $conversation: ID) {
  messages(first: $first, after: $after, order: $order, from: $from, to: $to, conversationId: $conversation) { edges { cursor node { externalId } } pageInfo { hasNextPage endCursor } } }`;
interface Page {
  messages: {
    edges: { cursor: string; node: { externalId: string } }[];
    pageInfo: { hasNextPage: boolean; endCursor: string | null };
  };
}
const names = (page: Page): string[] => page.messages.edges.map(({ node }) => node.externalId);

describe('pages', () => {
  test.each([
    ['OLDEST_FIRST', ['g1', 'g2', 's1', 's2', 'p1', 'p2', 'g3']],
    ['NEWEST_FIRST', ['g3', 'p2', 'p1', 's2', 's1', 'g2', 'g1']],
  ])('%s: pages of any size hold each message once, in order', async (order, expected) => {
    for (const first of [1, 2, 3, 7, 8]) {
      const seen: string[] = [];
      let after: string | null = null;
      for (let more = true; more;) {
        const { data, codes }: Answer<Page> = await integrator<Page>(LIST, { first, after, order });
        expect(codes).toEqual([]);
        expect(data.messages.edges.length).toBeLessThanOrEqual(first);
        seen.push(...names(data));
        ({ hasNextPage: more, endCursor: after } = data.messages.pageInfo);
      }
      expect(seen).toEqual(expected);
    }
  });

  test('a date range holds its first instant and not its last', async () => {
    const range = { first: 50, order: 'OLDEST_FIRST', from: '2026-01-01T00:12:00Z', to: '2026-01-01T00:17:00Z' };
    expect(names((await integrator<Page>(LIST, range)).data)).toEqual(['g2', 's1', 's2']);
    expect(names((await integrator<Page>(LIST, { ...range, order: 'NEWEST_FIRST', conversation: town.secret })).data)).toEqual([
      's2',
      's1',
    ]);
    expect(names((await integrator<Page>(LIST, { ...range, to: '2025-01-01T00:00:00Z' })).data)).toEqual([]);
  });

  test('a cursor never widens a date range', async () => {
    const all = (await integrator<Page>(LIST, { first: 50, order: 'OLDEST_FIRST' })).data;
    const answer = await integrator<Page>(LIST, {
      first: 50,
      order: 'OLDEST_FIRST',
      from: '2026-01-01T00:16:00Z',
      after: all.messages.edges[0]!.cursor,
    });
    expect(names(answer.data)).toEqual(['s2', 'p1', 'p2', 'g3']);
  });

  test.each([
    ['first: 0', { first: 0 }],
    ['a negative first', { first: -1 }],
    ['a cursor that is none', { first: 1, after: 'x' }],
    [
      'a cursor with an id in another writing',
      { first: 1, after: Buffer.from('01980000-0000-7000-8000-00000000000A').toString('base64url') },
    ],
  ])('%s is INVALID_INPUT', async (_, variables) => {
    const { codes, messages } = await integrator(LIST, { order: 'OLDEST_FIRST', ...variables });
    expect(codes).toEqual(['INVALID_INPUT']);
    expect(messages[0]).toMatch(/^(first|after):/);
  });

  /** Each list that grows with time, as `list` of the answer. */
  const LISTS: Record<string, string> = {
    people: 'users(ARGS)',
    conversations: 'conversations(ARGS)',
    'conversations of a person': 'user(id: $ada) { list: conversations(ARGS) ',
    'messages of a person': 'user(id: $ada) { list: messages(ARGS) ',
    'calls of a person': 'user(id: $ada) { list: calls(ARGS) ',
    'business links of a person': 'businessLinks(userId: $ada, ARGS)',
    'what answers a message': 'message(id: $g1) { list: replies(ARGS) ',
  };

  test.each(Object.entries(LISTS))('%s: newest or oldest first, and within a range of dates', async (_, list) => {
    const read = async (args: string): Promise<unknown[]> => {
      const inner = list.includes('{');
      const field = `${inner ? list : `list: ${list}`}`.replace('ARGS', args);
      const { data, messages } = await integrator(
        `query ($ada: ID, $g1: ID) { ${field} { edges { node { id } } } ${inner ? '}' : ''} }`.replace(
          '($ada: ID, $g1: ID)',
          `(${[list.includes('$ada') ? '$ada: ID!' : '', list.includes('$g1') ? '$g1: ID!' : ''].filter(Boolean).join(', ')})`.replace(
            '()',
            '',
          ),
        ),
        { ada: town.ada, g1: town.messages['g1'] },
      );
      expect(messages).toEqual([]);
      const found = data.list ?? (data.user ?? data.message).list;
      return found.edges.map(({ node }: { node: { id: string } }) => node.id);
    };
    const newest = await read('order: NEWEST_FIRST');
    expect(newest.length).toBeGreaterThan(0);
    expect(await read('order: OLDEST_FIRST')).toEqual(newest.toReversed());
    expect(await read('from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z", order: NEWEST_FIRST')).toEqual(newest);
    expect(await read('to: "2020-01-01T00:00:00Z"')).toEqual([]);
    expect(await read('from: "2100-01-01T00:00:00Z"')).toEqual([]);
  });

  test('200 is the longest page', async () => {
    expect((await integrator(LIST, { first: 201, order: 'OLDEST_FIRST' })).codes).toEqual(['LIMIT_EXCEEDED']);
    expect((await integrator(LIST, { first: 200, order: 'OLDEST_FIRST' })).codes).toEqual([]);
  });

  test('people, conversations, participants and calls page likewise', async () => {
    const walk = async (field: string, node: string): Promise<string[]> => {
      const seen: string[] = [];
      let after: string | null = null;
      for (let more = true; more;) {
        const { data }: Answer = await integrator(
          `query ($after: String) { page: ${field}(first: 2, after: $after) { edges { node { ${node} } } pageInfo { hasNextPage endCursor } } }`,
          { after },
        );
        seen.push(...data.page.edges.map((edge: { node: Record<string, string> }) => edge.node[node]));
        ({ hasNextPage: more, endCursor: after } = data.page.pageInfo);
      }
      return seen;
    };
    expect(await walk('users', 'externalId')).toEqual(['ada', 'ben', 'cat', 'eve', 'leo']);
    expect(await walk('conversations', 'externalId')).toEqual(['personal', 'secret', 'group']);
    expect(await walk('calls', 'externalId')).toEqual(['k3', 'k2', 'k1']);
  });
});

describe('scope', () => {
  const FIELDS = {
    user: 'query ($id: ID!) { user(id: $id) { id } }',
    conversation: 'query ($id: ID!) { conversation(id: $id) { id } }',
    message: 'query ($id: ID!) { message(id: $id) { id } }',
    call: 'query ($id: ID!) { call(id: $id) { id } }',
    messages: 'query ($id: ID!) { messages(conversationId: $id) { pageInfo { hasNextPage } } }',
    businessLinks: 'query ($id: ID!) { businessLinks(userId: $id) { edges { node { id } } } }',
    deliveries: 'query ($id: ID!) { deliveries(userId: $id) { pageInfo { hasNextPage } } }',
    whatIsHeld: 'query ($id: ID!) { whatIsHeld(userId: $id) { count } }',
  };
  const idOf = (field: string): string =>
    ({ conversation: town.group, messages: town.group, message: town.messages['g1']!, call: town.calls['k1']! })[field] ??
    town.ada;

  test.each(Object.entries(FIELDS))(
    '%s: what lies outside the scope is refused word for word as what does not exist',
    async (field, query) => {
      const elsewhere = await world.tenant();
      const otherApp = await world.app(town.tenant, 'Other');
      const outside = [
        await world.as({ tenant: elsewhere, app: await world.app(elsewhere) })(query, { id: idOf(field) }),
        await world.as({ tenant: town.tenant, app: otherApp })(query, { id: idOf(field) }),
      ];
      const missing = [
        await integrator(query, { id: '01980000-0000-7000-8000-000000000000' }),
        await integrator(query, { id: "x' or 1=1" }),
        await integrator(query, { id: '' }),
      ];
      for (const answer of [...outside, ...missing]) {
        expect(answer.codes).toEqual(['NOT_FOUND']);
        expect(answer.messages).toEqual(missing[0]!.messages);
      }
      expect((await integrator(query, { id: idOf(field) })).codes).toEqual([]);
    },
  );

  test('lists of another app or tenant hold nothing of it', async () => {
    const otherApp = await world.app(town.tenant, 'Empty');
    const { data } = await world.as({ tenant: town.tenant, app: otherApp })(
      '{ users { edges { cursor } } messages { edges { cursor } } conversations { edges { cursor } } calls { edges { cursor } } apps { id } }',
    );
    expect(data).toMatchObject({
      users: { edges: [] },
      messages: { edges: [] },
      conversations: { edges: [] },
      calls: { edges: [] },
      apps: [{ id: otherApp }],
    });
  });

  test('an app’s token that holds self:read only, to issue people’s tokens, reads nobody’s data', async () => {
    const issuer = world.as({ tenant: town.tenant, app: town.app, permissions: ['self:read', 'tokens:issue'] });
    for (const [field, query] of Object.entries(FIELDS))
      expect((await issuer(query, { id: idOf(field) })).codes).toEqual(['FORBIDDEN']);
    expect((await issuer('{ messages { edges { cursor } } }')).codes).toEqual(['FORBIDDEN']);
    expect((await issuer('{ me { id } }')).codes).toEqual(['NOT_FOUND']);
  });

  test('whoever may find people but not read data gets no content through the people found', async () => {
    const approver = world.as({ tenant: town.tenant, role: 'LEGAL_APPROVER' });
    const found = (fields: string): string =>
      `{ findSubject(type: EMAIL, value: "ada@example.org") { matches { user { ${fields} } } } }`;
    expect((await approver(found('id profile { displayName } identifiers { value }'))).codes).toEqual([]);
    for (const fields of [
      'metadata',
      'channels { raw }',
      'businessLinks { edges { node { reference } } }',
      'messages { edges { cursor } }',
      'conversations { edges { cursor } }',
      'calls { edges { cursor } }',
    ])
      expect((await approver(found(fields))).codes).toEqual(['FORBIDDEN']);
  });

  test('tenants are listed to a provider only', async () => {
    expect((await world.as({ role: 'PROVIDER' })('{ tenants { id name createdAt erasedAt } }')).data.tenants).toContainEqual(
      expect.objectContaining({ id: town.tenant }),
    );
    expect((await world.as({ tenant: town.tenant })('{ tenants { id } }')).codes).toEqual(['FORBIDDEN']);
  });
});
