import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { listen } from '../support/statements.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let tenant: string;
let app: string;
let statements: string[];
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

/** Groups of `people` who wrote `count` messages each in turn, with everything that can hang on a message. */
function group(name: string, people: number, count: number): RawRecord[] {
  const users = Array.from({ length: people }, (_, i) => `${name}-u${i}`);
  return [
    ...users.map((externalId): RawRecord => ({
      type: 'user',
      externalId,
      profile: { displayName: externalId },
      channels: [{ channel: 'X', externalId }],
    })),
    { type: 'conversation', externalId: name, kind: 'PUBLIC_GROUP', name, participants: users.map((user) => ({ user })) },
    ...Array.from({ length: count }, (_, i): RawRecord => {
      const author = users[i % people]!;
      const other = users[(i + 1) % people]!;
      return {
        type: 'message',
        externalId: `${name}-${i}`,
        conversation: name,
        author,
        sentAt: at(i),
        body: `hello <@${other}>`,
        mentions: [other],
        metadata: { i },
        ...(i % 3 ? { replyTo: `${name}-${i - (i % 3)}` } : {}),
        reactions: [
          { user: other, emoji: 'ok' },
          { user: author, emoji: 'yes' },
        ],
        attachments: [{ externalId: `f${i}`, name: `file ${i}`, url: 'https://files.example.org' }],
      };
    }),
    ...users.map((user, i): RawRecord => ({
      type: 'call',
      externalId: `${name}-k${i}`,
      conversation: name,
      initiator: user,
      startedAt: at(i),
      participants: users.map((one) => ({ user: one })),
    })),
  ];
}

beforeAll(async () => {
  world = await openWorld({ work: false, environment: { HABEAS_LIMIT_COST: '10000000' } });
  tenant = await world.tenant();
  app = await world.app(tenant);
  await world.ingest(tenant, app, [...group('small', 2, 3), ...group('large', 40, 120)]);
  statements = listen(world);
});
afterAll(() => world.close());

const MESSAGE = `externalId body metadata replyCount author { displayName } mentions { displayName } reactions { emoji person { displayName } }
  attachments { name url } replyTo { body author { displayName } }
  replies { edges { node { body author { displayName } attachments { name } } } }
  conversation { name participants(first: 200) { edges { node { person { displayName } } } } }`;

/** Statements of the query itself, with no data key in memory: in all, and how often the most frequent one ran. A text of SQL holds no values. */
async function count(
  query: string,
  variables: Record<string, unknown>,
  token: string,
): Promise<{ all: number; repeated: number; rows: number }> {
  const ask = world.as(token);
  world.system.keys.cache.forget(tenant);
  statements.length = 0;
  const answer = await ask(query, variables);
  expect(answer.codes).toEqual([]);
  const reads = statements.filter((sql) => !/^commit$|denied_tokens|select kid/.test(sql));
  const times = new Map<string, number>();
  for (const sql of reads) times.set(sql, (times.get(sql) ?? 0) + 1);
  return {
    all: reads.length,
    repeated: Math.max(...times.values()),
    rows: JSON.stringify(answer.data).split('externalId').length - 1,
  };
}

/** Names and keys are asked for level by level, and a level may ask again: a bound on both that no number of rows moves. */
const bounded = ({ all, repeated }: { all: number; repeated: number }): void => {
  expect(all).toBeLessThanOrEqual(32);
  expect(repeated).toBeLessThanOrEqual(8);
};

test.each(['an app', 'a person'])(
  'with the token of %s, a page of messages with all that hangs on them takes no more statements for 110 of them than for 7',
  async (whose) => {
    const [conversation] = await world.sql(
      'select conversation_id as id from messages where tenant_id = $1 and external_id = $2',
      [tenant, 'large-0'],
    );
    const token = await world.token({
      tenant,
      app,
      ...(whose === 'a person' ? { user: await world.userId(tenant, app, 'large-u0') } : {}),
    });
    const query = `query ($id: ID!, $first: Int) { messages(conversationId: $id, first: $first, order: OLDEST_FIRST) { edges { node { ${MESSAGE} } } } }`;
    const few = await count(query, { id: conversation!['id'], first: 7 }, token);
    const many = await count(query, { id: conversation!['id'], first: 50 }, token);
    const most = await count(query, { id: conversation!['id'], first: 110 }, token);
    expect([few.rows, many.rows, most.rows]).toEqual([7, 50, 110]);
    for (const one of [few, many, most]) bounded(one);
    expect(most.all).toBeLessThanOrEqual(few.all);
  },
);

test('lists in lists take no more statements for many parents than for few', async () => {
  const token = await world.token({ tenant, app });
  const query = `query ($first: Int) {
    users(first: $first) { edges { node { externalId profile { displayName } metadata identifiers { value } channels { externalId } businessLinks { edges { node { reference } } }
      messages(first: 5) { edges { node { body author { displayName } } } }
      calls(first: 5) { edges { node { initiator { displayName } participants { person { displayName } } conversation { name } } } }
      conversations(first: 5) { edges { node { name participants(first: 5) { edges { node { person { displayName } } } } messages(first: 5) { edges { node { body } } } } } } } } } }`;
  const few = await count(query, { first: 5 }, token);
  const many = await count(query, { first: 42 }, token);
  for (const one of [few, many]) bounded(one);
  expect(many.all).toBeLessThanOrEqual(few.all);
});

test('a request’s reads are noted once a kind, not once a row', async () => {
  const [before] = await world.sql('select count(*)::int as count from audit_entries where tenant_id = $1', [tenant]);
  await world.as({ tenant, app })(`{ messages(first: 50) { edges { node { ${MESSAGE} } } } }`);
  const entries = await world.sql('select act, targets from audit_entries where tenant_id = $1 order by id offset $2', [
    tenant,
    before!['count'],
  ]);
  const reads = entries.filter(({ act }) => (act as string).endsWith('.read'));
  expect(reads.map(({ act }) => String(act)).toSorted((a, b) => a.localeCompare(b))).toEqual([
    'attachment.read',
    'conversation.read',
    'mention.read',
    'message.read',
    'participant.read',
    'reaction.read',
  ]);
  expect(JSON.stringify(entries)).not.toContain('hello');
});
