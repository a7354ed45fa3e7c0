import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { barrier } from '../faults/site.ts';
import { carryOut } from '../../src/rights/erasure/erasure.job.ts';
import { finished } from '../rights/erasure.support.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';

let world: World;
let tenant: string;
let app: string;
let feed: Ask;
let officer: Ask;
beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
  app = await world.app(tenant);
  feed = world.as(await world.token({ tenant, app }));
  officer = world.as(await world.token({ tenant, role: 'PRIVACY_OFFICER' }));
});
afterAll(() => world.close());

const INGEST = 'mutation ($records: [JSON!]!) { ingest(records: $records) { skipped { what } } }';
const MESSAGES = Array.from({ length: 60 }, (_, nth) => `m${nth}`);
const message = (externalId: string) => ({
  type: 'message',
  externalId,
  conversation: 'c',
  author: 'ada',
  sentAt: '2026-01-01T00:00:00Z',
  body: 'hello',
});

/** What hangs on a message that is not there, or of which only the place is left. */
const orphans = (table: string): Promise<unknown[]> =>
  world.sql(
    `select 1 from ${table} t where not exists (select from messages m where m.tenant_id = t.tenant_id and m.id = t.message_id and m.deleted_at is null)`,
  );
const kept = (table: string): Promise<unknown[]> => world.sql(`select 1 from ${table} where app_id = $1`, [app]);

test('what is hung on a message while it is deleted goes with it, or is not taken', async () => {
  const people = ['ada', 'bob'].map((externalId) => ({ type: 'user', externalId, profile: { displayName: externalId } }));
  const conversation = { type: 'conversation', externalId: 'c', kind: 'PUBLIC_GROUP', participants: [{ user: 'bob' }] };
  await world.ingest(tenant, app, [...people, conversation, ...MESSAGES.map(message)] as never);
  const ids = new Map(
    (await world.sql('select id, external_id from messages where app_id = $1', [app])).map((row) => [
      row['external_id'],
      row['id'],
    ]),
  );
  const ask = async (who: Ask, query: string, variables: Record<string, unknown>): Promise<void> => {
    const { codes } = await who(query, variables);
    // One of two who met may be told to try again; nobody may be told of an incident.
    expect(codes.filter((code) => !['NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'].includes(code))).toEqual([]);
  };
  const acts = MESSAGES.flatMap((externalId, nth) => [
    () =>
      nth % 3
        ? ask(feed, INGEST, { records: [{ type: 'messageDeletion', conversation: 'c', externalId }] })
        : ask(officer, 'mutation ($id: ID!) { eraseMessage(messageId: $id, mode: REMOVE, ground: OBJECTION) { id } }', {
            id: ids.get(externalId),
          }),
    () =>
      ask(feed, INGEST, { records: [{ type: 'reaction', conversation: 'c', message: externalId, user: 'bob', emoji: '+1' }] }),
    () =>
      ask(feed, INGEST, {
        records: [
          { ...message(externalId), reactions: [{ user: 'bob', emoji: 'x' }], attachments: [{ externalId: 'f', name: 'f' }] },
        ],
      }),
    () =>
      ask(feed, INGEST, {
        records: [
          {
            type: 'messageEdit',
            conversation: 'c',
            externalId,
            body: 'hi @bob',
            mentions: ['bob'],
            editedAt: '2026-01-02T00:00:00Z',
          },
        ],
      }),
  ]);
  for (let at = 0; at < acts.length; at += 8) await Promise.all(acts.slice(at, at + 8).map((act) => act()));
  for (const table of ['reactions', 'attachments', 'mentions']) expect([table, await orphans(table)]).toEqual([table, []]);
});

test('a person who is erased while others react to their messages leaves no reaction behind', async () => {
  const author = { type: 'user', externalId: 'eve', profile: { displayName: 'Eve' } };
  const written = Array.from({ length: 300 }, (_, nth) => ({ ...message(`e${nth}`), author: 'eve' }));
  await world.ingest(tenant, app, [author, ...written] as never);
  const id = await world.userId(tenant, app, 'eve');
  const { data } = await officer('mutation ($id: ID!) { eraseUser(userId: $id, ground: OBJECTION) { id } }', { id });
  const react = (externalId: string, nth: number) => ({
    type: 'reaction',
    conversation: 'c',
    message: externalId,
    user: 'bob',
    emoji: `r${nth}`,
  });
  for (let nth = 0; nth < 10; nth += 1) await feed(INGEST, { records: written.map(({ externalId }) => react(externalId, nth)) });
  expect((await finished(world, data.eraseUser.id))['status']).toBe('COMPLETED');
  for (const table of ['reactions', 'attachments', 'mentions']) expect([table, await orphans(table)]).toEqual([table, []]);
  expect((await kept('reactions')).length).toBe(0);
});

test('a message that is answered by a batch at work when its author is erased stays as a tombstone, and the answer points at it', async () => {
  const idle = await openWorld({ work: false });
  const feeding = await barrier(idle);
  try {
    const tenant = await idle.tenant();
    const app = await idle.app(tenant);
    const people = ['eve', 'bob'].map((externalId) => ({ type: 'user', externalId }));
    const conversation = { type: 'conversation', externalId: 'c', kind: 'PUBLIC_GROUP', participants: [{ user: 'bob' }] };
    const messages = [
      { ...message('asked'), author: 'eve' },
      { ...message('other'), author: 'eve' },
      { ...message('answer'), author: 'bob' },
    ];
    await idle.ingest(tenant, app, [...people, conversation, ...messages] as never);
    const officer = idle.as(await idle.token({ tenant, role: 'PRIVACY_OFFICER' }));
    const { data } = await officer('mutation ($id: ID!) { eraseUser(userId: $id, ground: OBJECTION) { id } }', {
      id: await idle.userId(tenant, app, 'eve'),
    });
    // What a batch of intake does, held open at its end.
    await feeding.hold('select 1 from apps where id = $1 for no key update', [app]);
    const asked = (await idle.sql(`select id from messages where external_id = 'asked'`))[0]!['id'];
    await feeding.hold(`update messages set reply_to_id = $1 where external_id = 'answer'`, [asked]);
    const job = carryOut(idle.system, data.eraseUser.id, { ...idle.cli, tenantId: tenant }, new AbortController().signal);
    // One that does not wait has ended by then, and is told so below.
    await Promise.race([feeding.reached(), job]);
    await feeding.commit();
    await job;
    const left = await idle.sql('select external_id, kind, reply_to_id from messages order by external_id');
    expect(left).toEqual([
      { external_id: 'answer', kind: 'TEXT', reply_to_id: asked },
      { external_id: 'asked', kind: 'TOMBSTONE', reply_to_id: null },
    ]);
  } finally {
    await feeding.release();
    await idle.close();
  }
});
