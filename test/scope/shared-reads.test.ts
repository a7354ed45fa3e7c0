import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { inScope } from '../../src/scope/in-scope.ts';
import { listen } from '../support/statements.ts';
import { openWorld, type Answer, type World } from '../support/world.ts';
import { group, openPlace, USERS, type Place } from './places.ts';

const USER = `query ($id: ID!) { user(id: $id) { externalId profile { displayName } messages(first: 3) { edges { node { body author { displayName } } } } } }`;
const CONVERSATION = `query ($id: ID!) { conversation(id: $id) { externalId messages(first: 2) { edges { node { body } } } } }`;

let world: World;
let admin: pg.Client;
let statements: string[];
let places: Place[];

beforeAll(async () => {
  world = await openWorld({ work: false });
  const [one, two] = [await world.tenant('One'), await world.tenant('Two')];
  places = [await openPlace(world, one, 'a'), await openPlace(world, one, 'b'), await openPlace(world, two, 'c')];
  admin = new pg.Client({ connectionString: world.database.adminUrl });
  await admin.connect();
  statements = listen(world);
});
afterAll(async () => {
  await admin.end();
  await world.close();
});
beforeEach(async () => {
  await lonely();
  statements.length = 0;
});

/** Until company is forgotten. */
const lonely = (): Promise<void> => sleep(200);

const pagesRead = (): number => statements.filter((sql) => sql.includes('cross join lateral')).length;

/** Waits until so many transactions wait for a table, and answers their processes. */
async function waiting(table: string, count: number): Promise<number[]> {
  for (;;) {
    const { rows } = await admin.query<{ pid: number }>(
      'select pid from pg_locks where relation = $1::regclass and not granted',
      [table],
    );
    if (rows.length >= count) return rows.map(({ pid }) => pid);
    await sleep(5);
  }
}

/** Requests that are held up until `release`: two in transactions of their own, and one in what is shared. */
async function holdUp(
  place: Place,
  table: 'conversations' | 'users' = 'conversations',
): Promise<{ release: () => Promise<void>; answers: Promise<Answer>[] }> {
  await admin.query('begin');
  await admin.query(`lock table ${table} in access exclusive mode`);
  const [query, id] = table === 'users' ? [USER, place.users[0]] : [CONVERSATION, place.conversation];
  const answers = Array.from({ length: 3 }, () => world.as(place.token)(query, { id }));
  await waiting(table, 3);
  return { answers, release: async () => void (await admin.query('rollback')) };
}

test('requests of one app that come together are read together, and each is answered what it is alone', async () => {
  const [{ token, users }] = places as [Place];
  const ask = world.as(token);
  const alone = [];
  for (const id of users) alone.push(await ask(USER, { id }));
  expect(alone.every(({ data }) => data.user.messages.edges.length === 3)).toBe(true);
  expect(pagesRead()).toBe(USERS);
  statements.length = 0;
  const together = await Promise.all([...users, ...users].map((id) => ask(USER, { id })));
  expect(together).toEqual([...alone, ...alone]);
  expect(pagesRead()).toBeLessThan(USERS);
});

test('what follows from an answer is read in the same transaction', async () => {
  const [{ token, users }] = places as [Place];
  const counts = [];
  for (let time = 0; time < 5; time += 1) {
    statements.length = 0;
    await Promise.all(users.map((id) => world.as(token)(USER, { id })));
    counts.push(statements.filter((sql) => sql === 'commit').length);
  }
  // One or two of what is shared, as many of entries, and those of who came first and alone; a transaction for each step would make eight and more.
  expect(Math.min(...counts)).toBeLessThan(7);
});

test('who comes shortly after others is read with those who come then, and alone once nobody has for a while', async () => {
  const [{ token, users }] = places as [Place];
  const commits = async (some: readonly string[]): Promise<number> => {
    statements.length = 0;
    await Promise.all(some.map((id) => world.as(token)(USER, { id })));
    return statements.filter((sql) => sql === 'commit').length;
  };
  const counts = [];
  for (let time = 0; time < 20 && counts.at(-1) !== 2; time += 1) {
    await commits(users);
    counts.push(await commits(users.slice(0, 2)));
  }
  // One of what both read, and one of their entries, if these come together; alone there are two of the former.
  expect(counts).toContain(2);
  await lonely();
  expect(await commits(users.slice(0, 2))).toBeGreaterThan(2);
});

test('those who are together for long go on reading together', async () => {
  const [{ token, users }] = places as [Place];
  const counts = [];
  for (let time = 0; time < 5; time += 1) {
    await admin.query('begin');
    await admin.query('lock table users in access exclusive mode');
    statements.length = 0;
    // Two in transactions of their own, and three in one that is shared, who have been there for long when they ask for their pages.
    const held = users.slice(0, 5).map((id) => world.as(token)(USER, { id }));
    await waiting('users', 3);
    await lonely();
    await admin.query('rollback');
    await Promise.all(held);
    counts.push(pagesRead());
    await lonely();
  }
  expect(Math.min(...counts)).toBeLessThan(5);
});

test('each request is recorded as its own', async () => {
  const [{ tenant, token, users }] = places as [Place];
  const [before] = await world.sql('select count(*)::int as count from audit_entries where tenant_id = $1', [tenant]);
  await Promise.all(users.map((id) => world.as(token)(USER, { id })));
  const entries = await world.sql(
    'select act, targets, request_id from audit_entries where tenant_id = $1 order by id offset $2',
    [tenant, before!['count']],
  );
  const reads = entries.filter(({ act }) => act === 'user.read');
  expect(new Set(reads.map((entry) => entry['request_id'])).size).toBe(USERS);
  expect(reads.flatMap((entry) => (entry['targets'] as { users: string[] }).users).toSorted()).toEqual(users.toSorted());
});

test('apps and tenants that ask for one another’s at the same moment find nothing of it', async () => {
  const asked = places.flatMap((from) =>
    places.flatMap((of) => [
      ...of.users.slice(0, 4).map((id) => ({ from, of, query: USER, id })),
      { from, of, query: CONVERSATION, id: of.conversation },
    ]),
  );
  const answers = await Promise.all(asked.map(({ from, query, id }) => world.as(from.token)(query, { id })));
  for (const [index, { from, of, query, id }] of asked.entries()) {
    const { codes, data } = answers[index]!;
    expect({ index, codes }).toEqual({ index, codes: from === of ? [] : ['NOT_FOUND'] });
    if (from === of) expect(await world.as(from.token)(query, { id })).toMatchObject({ data });
  }
  expect(pagesRead()).toBeGreaterThan(0);
});

test('people’s own tokens read alone: what one of them opens is open to nobody else', async () => {
  const [{ tenant, app, users }] = places as [Place];
  const tokens = await Promise.all(users.map((user) => world.token({ tenant, app, user })));
  statements.length = 0;
  const answers = await Promise.all(
    tokens.map((token) => world.as(token)('{ me { externalId messages(first: 3) { edges { node { body } } } } }')),
  );
  for (const [index, { data }] of answers.entries()) {
    expect(data.me.externalId).toBe(`a-u${index}`);
    for (const { node } of data.me.messages.edges) expect(node.body).toMatch(new RegExp(`^a-u${index} says`));
  }
  expect(pagesRead()).toBe(USERS);
});

test('who is held up holds up nobody else', async () => {
  const [place] = places as [Place];
  const ask = world.as(place.token);
  const held = await holdUp(place);
  let ended = 0;
  for (const answer of held.answers) void answer.then(() => (ended += 1));
  try {
    for (const id of place.users) expect((await ask(USER, { id })).codes).toEqual([]);
    const together = await Promise.all(place.users.map((id) => ask(USER, { id })));
    expect(together.flatMap(({ codes }) => codes)).toEqual([]);
    expect(ended).toBe(0);
  } finally {
    await held.release();
  }
  for (const { codes, data } of await Promise.all(held.answers)) {
    expect(codes).toEqual([]);
    expect(data.conversation.externalId).toBe('a');
  }
});

test('those who come while all that is shared is held up are not held up with it', async () => {
  const [{ token, conversation, users }] = places as [Place];
  await admin.query('begin');
  await admin.query('lock table conversations in access exclusive mode');
  const held: Promise<Answer>[] = [];
  try {
    // Two in transactions of their own, then three that are shared, each begun because the one before it was slow.
    for (let n = 1; n <= 5; n += 1) {
      held.push(world.as(token)(CONVERSATION, { id: conversation }));
      await waiting('conversations', n);
    }
    const together = await Promise.all(users.slice(0, 3).map((id) => world.as(token)(USER, { id })));
    expect(together.flatMap(({ codes }) => codes)).toEqual([]);
  } finally {
    await admin.query('rollback');
  }
  expect((await Promise.all(held)).flatMap(({ codes }) => codes)).toEqual([]);
});

test('who shares a transaction with what waits in the database is answered before that is', async () => {
  const [place] = places as [Place];
  const ask = world.as(place.token);
  const held = await holdUp(place, 'users');
  try {
    // Sent together: behind the statement on people, which is held up, stands that on conversations.
    const more = place.users.slice(0, 3).map((id) => {
      held.answers.push(ask(USER, { id }));
      return ask(CONVERSATION, { id: place.conversation });
    });
    expect((await Promise.all(more)).flatMap(({ codes }) => codes)).toEqual([]);
  } finally {
    await held.release();
  }
  expect((await Promise.all(held.answers)).flatMap(({ codes }) => codes)).toEqual([]);
});

test('where a shared transaction fails, each request reads alone, and is answered', async () => {
  const [place] = places as [Place];
  const held = await holdUp(place);
  await admin.query('lock table users in access exclusive mode');
  const asked = place.users.map((id) => world.as(place.token)(USER, { id }));
  try {
    const shared = await waiting('users', 1);
    for (const pid of shared) await admin.query('select pg_terminate_backend($1)', [pid]);
  } finally {
    await held.release();
  }
  const answers = await Promise.all(asked);
  expect(answers.map(({ data }) => data?.user?.externalId)).toEqual(place.users.map((_, index) => `a-u${index}`));
  await Promise.all(held.answers);
});

test('with hardly a connection, requests that need one of their own do not wait for those that are shared', async () => {
  const small = await openWorld({ work: false, environment: { HABEAS_POOL_SIZE: '2' } });
  try {
    const tenant = await small.tenant();
    const app = await small.app(tenant);
    await small.ingest(tenant, app, group('s'));
    const id = await small.userId(tenant, app, 's-u0');
    const ask = small.as(await small.token({ tenant, app }));
    const mixed =
      'query ($id: ID!) { user(id: $id) { messages(first: 3) { edges { node { body } } } externalId identifiers { value } } }';
    let over = false;
    const working = [USER, USER, USER, USER, mixed, mixed].map(async (query) => {
      let answered = 0;
      for (; !over; answered += 1) expect((await ask(query, { id })).codes).toEqual([]);
      return answered;
    });
    // Somebody else's, such as an erasure's batch.
    const answered = await inScope(small.system, { ...small.cli, tenantId: tenant }, async ({ db }) => {
      let before = 0;
      for (let n = 0; n < 5; n += 1) {
        await db.query('select pg_sleep(0.2)');
        const [row] = await small.sql('select count(*)::int as count from audit_entries');
        expect(row!['count']).toBeGreaterThan(before);
        before = Number(row!['count']);
      }
      return before;
    });
    over = true;
    expect(answered).toBeGreaterThan(0);
    await Promise.all(working);
  } finally {
    await small.close();
  }
});
