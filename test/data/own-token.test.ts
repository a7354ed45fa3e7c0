import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { settle, type Town } from './town.ts';

let world: World;
let town: Town;
let as: Record<'ada' | 'ben' | 'cat' | 'eve' | 'leo', Ask>;
beforeAll(async () => {
  world = await openWorld({ work: false });
  town = await settle(world);
  const own = (user: string): Ask => world.as({ tenant: town.tenant, app: town.app, user });
  as = { ada: own(town.ada), ben: own(town.ben), cat: own(town.cat), eve: own(town.eve), leo: own(town.leo) };
});
afterAll(() => world.close());

const edges = 'edges { node { externalId } }';
const names = (list: { edges: { node: { externalId: string } }[] }): string[] => list.edges.map(({ node }) => node.externalId);

test('a person reads who they are, all of it, with their own token', async () => {
  const { data, codes } = await as.ada(
    `{ me { id externalId profile { displayName email } metadata identifiers { type value } channels { externalId } businessLinks { edges { node { reference } } }
       conversations { ${edges} } messages(order: OLDEST_FIRST) { ${edges} } calls(order: OLDEST_FIRST) { ${edges} } }
       deliveries { edges { node { destination } } } businessLinks { edges { node { reference } } } }`,
  );
  expect(codes).toEqual([]);
  expect(data.me).toMatchObject({
    id: town.ada,
    externalId: 'ada',
    profile: { email: 'ada@example.org' },
    metadata: { plan: 'ada-metadata' },
    channels: [{ externalId: 'ada-channel' }],
    businessLinks: { edges: [{ node: { reference: 'TICKET-1' } }] },
  });
  expect(names(data.me.conversations)).toEqual(['personal', 'group']);
  expect(names(data.me.messages)).toEqual(['g2', 'p1', 'p2']);
  expect(names(data.me.calls)).toEqual(['k1', 'k3']);
  expect(data.deliveries.edges).toEqual([{ node: { destination: '+200' } }]);
  expect(data.businessLinks).toEqual({ edges: [{ node: { reference: 'TICKET-1' } }] });
});

test('a person reads what others wrote in the conversations they take part in, under the names a chat shows', async () => {
  const { data, codes } = await as.ada(
    `query ($id: ID!) { conversation(id: $id) { name participants { edges { node { person { id displayName } } } }
       messages(order: OLDEST_FIRST) { edges { node { externalId body author { displayName } replyCount replies { ${edges} } reactions { person { displayName } } mentions { displayName } } } } } }`,
    { id: town.group },
  );
  expect(codes).toEqual([]);
  expect(names(data.conversation.messages)).toEqual(['g1', 'g2', 'g3']);
  expect(data.conversation.messages.edges[0].node).toMatchObject({
    body: 'before @ada display',
    author: { displayName: 'ben display' },
    replyCount: 2,
    mentions: [{ displayName: 'ada display' }],
    reactions: [{ person: { displayName: 'ada display' } }],
  });
  expect(
    data.conversation.participants.edges
      .map((edge: { node: { person: { displayName: string } } }) => edge.node.person.displayName)
      .toSorted(),
  ).toEqual(['ada display', 'ben display', 'cat display', 'leo display']);
});

test('lists hold only what is their own', async () => {
  const { data } = await as.eve(`{ conversations { ${edges} } messages { ${edges} } calls { ${edges} } }`);
  expect([names(data.conversations), names(data.messages), names(data.calls)]).toEqual([['secret'], ['s2'], ['k2']]);
});

test('an agent finds what they wrote to customers among their messages, whatever else the request asked before', async () => {
  const { data } = await as.cat(`{ messages { ${edges} } me { messages { ${edges} } } }`);
  expect([names(data.messages), names(data.me.messages)]).toEqual([['p2'], ['p2']]);
});

describe('somebody who asks for what is not theirs', () => {
  test.each([
    ['a conversation they are not in', 'query ($id: ID!) { conversation(id: $id) { name } }', () => town.secret, 'conversation'],
    [
      'its messages',
      'query ($id: ID!) { messages(conversationId: $id) { edges { cursor } } }',
      () => town.secret,
      'conversation',
    ],
    ['a message of it', 'query ($id: ID!) { message(id: $id) { body } }', () => town.messages['s1'], 'message'],
    [
      'a message of it that mentions them',
      'query ($id: ID!) { message(id: $id) { mentions { id } } }',
      () => town.messages['s1'],
      'message',
    ],
    [
      'a call of their conversation that they took no part in',
      'query ($id: ID!) { call(id: $id) { id } }',
      () => town.calls['k2'],
      'call',
    ],
    [
      'another’s business links',
      'query ($id: ID!) { businessLinks(userId: $id) { edges { node { reference } } } }',
      () => town.ben,
      'user',
    ],
    ['another’s deliveries', 'query ($id: ID!) { deliveries(userId: $id) { edges { cursor } } }', () => town.ben, 'user'],
    ['what is held about another', 'query ($id: ID!) { whatIsHeld(userId: $id) { count } }', () => town.ben, 'user'],
  ])('%s: is told that there is none', async (_, query, id, noun) => {
    const answer = await as.ada(query, { id: id() });
    expect(answer).toMatchObject({ codes: ['NOT_FOUND'], messages: [`No such ${noun} in the scope of this token.`], data: null });
  });

  test.each([
    ['user', () => `{ user(id: "${town.ben}") { id } }`],
    ['user, of oneself', () => `{ user(id: "${town.ada}") { id } }`],
    ['users', () => '{ users { edges { cursor } } }'],
    ['findSubject', () => '{ findSubject(type: EMAIL, value: "ben@example.org") { ambiguous } }'],
    ['apps', () => '{ apps { id } }'],
  ])('%s is not for a person’s own token', async (_, query) => {
    expect((await as.ada(query())).codes).toEqual(['FORBIDDEN']);
  });

  test('is told no more once names and conversations were opened earlier in the same request', async () => {
    const { data, codes } = await as.ada(
      `query ($ben: ID!, $group: ID!) {
         opened: conversation(id: $group) { participants { edges { node { person { displayName } } } } messages { edges { node { author { displayName } conversation { name } } } } }
         calls { edges { node { participants { person { displayName } } conversation { name } } } }
         me { messages { edges { node { replies { edges { node { body } } } } } } }
         links: businessLinks(userId: $ben) { edges { node { reference } } } }`,
      { ben: town.ben, group: town.group },
    );
    expect(codes).toEqual(['NOT_FOUND']);
    expect(data).toBeNull();
    for (const [query, id] of [
      ['deliveries(userId: $id) { edges { cursor } }', town.ben],
      ['whatIsHeld(userId: $id) { count }', town.ben],
      ['call(id: $id) { kind }', town.calls['k2']],
      ['message(id: $id) { body }', town.messages['s1']],
    ]) {
      const answer = await as.ada(
        `query ($group: ID!, $id: ID!) { conversation(id: $group) { messages { edges { node { author { displayName } } } } } calls { edges { node { id } } } ${query} }`,
        { group: town.group, id },
      );
      expect(answer.codes).toEqual(['NOT_FOUND']);
    }
  });

  test('finds nothing of another but their display name, in whatever is readable', async () => {
    const { data, codes } = await as.ada(
      `query ($group: ID!, $personal: ID!) {
         me { conversations { edges { node { externalId name participants { edges { node { role person { id displayName erased } } } } } } }
              messages { edges { node { body metadata author { displayName } replyTo { body metadata author { displayName } } replies { edges { node { body metadata } } } } } }
              calls { edges { node { initiator { displayName } participants { person { displayName } } conversation { messages { edges { node { body metadata } } } } } } } }
         group: messages(conversationId: $group) { edges { node { body metadata channel campaignId author { displayName } mentions { displayName } reactions { person { displayName } } } } }
         personal: messages(conversationId: $personal) { edges { node { body metadata author { displayName } conversation { participants { edges { node { person { displayName } } } } } } } } }`,
      { group: town.group, personal: town.personal },
    );
    expect(codes).toEqual([]);
    const text = JSON.stringify(data);
    for (const other of ['ben', 'cat', 'eve', 'leo']) {
      for (const detail of ['-given', '-surname', '@example.org', '-metadata', '-channel', '-on-channel', '-raw', '-client'])
        expect(text).not.toContain(`${other}${detail}`);
    }
    expect(text).toContain('ben display');
    expect(text).toContain('"template":"t1"'); // of what the business wrote to Ada: her data
    expect(text).not.toContain('hush');
  });

  test('a person of the schema leads nowhere else', async () => {
    const { data } = await world.as({ tenant: town.tenant, app: town.app })('{ __type(name: "Person") { fields { name } } }');
    expect(data.__type.fields.map(({ name }: { name: string }) => name).toSorted()).toEqual(['displayName', 'erased', 'id']);
  });
});

describe('somebody who left a conversation', () => {
  test('reads what was written until then, and nothing after, by any way', async () => {
    const { data, codes } = await as.leo(
      `query ($group: ID!, $g1: ID!) {
         messages(conversationId: $group, order: OLDEST_FIRST) { edges { node { externalId replyCount replies { ${edges} } } } }
         conversation(id: $group) { messages(order: OLDEST_FIRST) { ${edges} } participants { edges { node { person { displayName } } } } }
         message(id: $g1) { replyCount replies { ${edges} } } }`,
      { group: town.group, g1: town.messages['g1'] },
    );
    expect(codes).toEqual([]);
    expect(names(data.messages)).toEqual(['g1', 'g2']);
    expect(names(data.conversation.messages)).toEqual(['g1', 'g2']);
    expect(data.message).toMatchObject({ replyCount: 1, replies: { edges: [{ node: { externalId: 'g2' } }] } });
    expect(data.messages.edges[0].node).toMatchObject({ replyCount: 1, replies: { edges: [{ node: { externalId: 'g2' } }] } });
    // Cat joined five minutes after Leo had left.
    expect(JSON.stringify(data.conversation.participants)).not.toContain('cat');
    expect((await as.leo('query ($id: ID!) { message(id: $id) { body } }', { id: town.messages['g3'] })).codes).toEqual([
      'NOT_FOUND',
    ]);
  });

  test('whoever came back reads on from then', async () => {
    const app = await world.app(town.tenant, 'Second');
    const at = (minute: number): string => new Date(Date.UTC(2026, 1, 1, 0, minute)).toISOString();
    await world.ingest(town.tenant, app, [
      { type: 'user', externalId: 'zoe' },
      { type: 'user', externalId: 'max' },
      {
        type: 'conversation',
        externalId: 'c',
        kind: 'PUBLIC_GROUP',
        participants: [{ user: 'max' }, { user: 'zoe', leftAt: at(10), joinedAt: at(20) }],
      },
      ...[5, 15, 25].map((minute) => ({
        type: 'message' as const,
        externalId: `m${minute}`,
        conversation: 'c',
        author: 'max',
        sentAt: at(minute),
        body: 'x',
      })),
    ]);
    const zoe = await world.userId(town.tenant, app, 'zoe');
    const { data } = await world.as({ tenant: town.tenant, app, user: zoe })(
      `{ conversations { edges { node { messages(order: OLDEST_FIRST) { ${edges} } } } } }`,
    );
    expect(names(data.conversations.edges[0].node.messages)).toEqual(['m5', 'm25']);
  });
});

test('what a person is told to be held about them is what an officer is told', async () => {
  const query = 'query ($id: ID) { whatIsHeld(userId: $id) { category count oldest newest } }';
  const own = await as.ada(query);
  const officer = await world.as({ tenant: town.tenant, role: 'PRIVACY_OFFICER' })(query, { id: town.ada });
  expect(own.codes).toEqual([]);
  expect(own.data).toEqual(officer.data);
  expect(own.data.whatIsHeld).toContainEqual({
    category: 'messages',
    count: 3,
    oldest: '2026-01-01T00:12:00.000Z',
    newest: '2026-01-01T00:18:00.000Z',
  });
  expect(own.data.whatIsHeld).toContainEqual(expect.objectContaining({ category: 'calls', count: 2 }));
  expect(own.data.whatIsHeld).toContainEqual(expect.objectContaining({ category: 'personalConversations', count: 1 }));
});

test('the token of somebody who was erased reads nothing more', async () => {
  const cat = world.as(await world.token({ tenant: town.tenant, app: town.app, user: town.cat }));
  await world.sql('update users set erased_at = now() where tenant_id = $1 and id = $2', [town.tenant, town.cat]);
  for (const query of [
    '{ me { id } }',
    '{ conversations { edges { cursor } } }',
    '{ messages { edges { cursor } } }',
    '{ calls { edges { cursor } } }',
    '{ whatIsHeld { count } }',
  ])
    expect((await cat(query)).codes).toEqual(['NOT_FOUND']);
  await world.sql('update users set erased_at = null where tenant_id = $1 and id = $2', [town.tenant, town.cat]);
});

test('somebody who wrote where they are no participant reads whom they mentioned, and not who was erased since', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'guest', profile: { displayName: 'Guest' } },
    { type: 'user', externalId: 'host', profile: { displayName: 'Host' } },
    { type: 'user', externalId: 'gone', profile: { displayName: 'Gone' } },
    { type: 'conversation', externalId: 'hall', kind: 'PUBLIC_GROUP', participants: [{ user: 'host' }] },
    {
      type: 'message',
      externalId: 'h1',
      conversation: 'hall',
      author: 'guest',
      sentAt: '2026-01-01T10:00:00Z',
      body: 'hello <@host> and <@gone>, not <@019b76da-a800-7000-8000-000000000000>',
      mentions: ['host', 'gone'],
    },
  ]);
  const guest = world.as({ tenant, app, user: await world.userId(tenant, app, 'guest') });
  await world.as({ tenant, role: 'PRIVACY_OFFICER' })('mutation ($id: ID!) { eraseUser(userId: $id, ground: CHILD) { id } }', {
    id: await world.userId(tenant, app, 'gone'),
  });
  const { data, codes } = await guest(
    '{ messages { edges { node { body mentions { displayName erased } conversation { id } } } } }',
  );
  expect(codes).toEqual([]);
  expect(data.messages.edges).toEqual([
    {
      node: {
        body: 'hello @Host and @erased user, not <@019b76da-a800-7000-8000-000000000000>',
        mentions: [{ displayName: 'Host', erased: false }],
        conversation: null,
      },
    },
  ]);
});
