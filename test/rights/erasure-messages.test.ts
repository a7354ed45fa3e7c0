import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { openWorld, type World } from '../support/world.ts';
import { ADA, finished, records, tell, type Story } from './erasure.support.ts';
import { readable } from './erasure.traces.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const officer = (story: Story) => world.as({ tenant: story.tenant, role: 'PRIVACY_OFFICER' });
const person = (story: Story, user: string) => world.as({ tenant: story.tenant, app: story.app, user });
const DELETE_MINE = 'mutation ($id: ID!) { deleteMyMessage(messageId: $id) { name count } }';

async function start(): Promise<Story> {
  const tenant = await world.tenant();
  return tell(world, tenant, await world.app(tenant));
}
const message = async (story: Story, externalId: string): Promise<Record<string, unknown> | undefined> =>
  (
    await world.sql(
      'select id, conversation_id, kind, author_id, subject_id, body, reply_to_id, deleted_at from messages where app_id = $1 and external_id = $2',
      [story.app, externalId],
    )
  )[0];
const idOf = async (story: Story, externalId: string): Promise<string> => (await message(story, externalId))!['id'] as string;
const files = async (story: Story): Promise<number> => {
  let count = 0;
  for await (const _name of world.system.files.list(`${story.tenant}/attachments`)) count += 1;
  return count;
};

describe('an officer erases one message', () => {
  const ERASE =
    'mutation ($id: ID!, $mode: MessageErasure! = PLACEHOLDER) { eraseMessage(messageId: $id, ground: UNLAWFUL_PROCESSING, mode: $mode) { id unreadableAt residual { total } } }';

  test.each([
    ['PLACEHOLDER', 'TOMBSTONE'],
    ['REMOVE', undefined],
  ])('%s: its text and file go, its replies stay, and feeding it in again does not bring it back', async (mode, left) => {
    const story = await start();
    const before = await readable(world, story.tenant);
    const id = await idOf(story, 'g1');
    expect(await files(story)).toBe(2);
    const answer = await officer(story)(ERASE, { id, mode });
    expect(answer.codes).toEqual([]);
    expect(answer.data.eraseMessage.unreadableAt).not.toBeNull();
    expect(await finished(world, answer.data.eraseMessage.id)).toMatchObject({
      status: 'COMPLETED',
      residual: { total: 0 },
      counts: { messages: 1, attachments: 1, reactions: 1 },
    });
    expect((await message(story, 'g1'))?.['kind']).toBe(left);
    expect((await message(story, 'g2'))!['reply_to_id']).toBe(left ? id : null);
    expect(await files(story)).toBe(1);
    await world.ingest(
      story.tenant,
      story.app,
      records.filter((record) => record.type === 'message'),
    );
    expect((await message(story, 'g1'))?.['kind']).toBe(left);
    const after = await readable(world, story.tenant);
    for (const [name, value] of after) if (name.startsWith('messages.')) expect(before.get(name)).toEqual(value);
    expect((await officer(story)(ERASE, { id, mode })).codes).toEqual(['NOT_FOUND']);
  });
});

describe('an officer erases a conversation', () => {
  test("everybody's messages in it go, and nothing else; it does not come back", async () => {
    const story = await start();
    const id = (await message(story, 'g1'))!['conversation_id'];
    const answer = await officer(story)(
      'mutation ($id: ID!) { eraseConversation(conversationId: $id, ground: NO_LONGER_NECESSARY) { id target unreadableAt } }',
      { id },
    );
    expect(answer.codes).toEqual([]);
    expect(answer.data.eraseConversation.unreadableAt).not.toBeNull();
    expect(await finished(world, answer.data.eraseConversation.id)).toMatchObject({
      status: 'COMPLETED',
      residual: { total: 0 },
      counts: { messages: 5, participants: 2, conversations: 1, attachments: 2 },
    });
    expect(await files(story)).toBe(0);
    expect(await world.sql('select 1 from keys.subject_keys where subject_id = $1', [id])).toEqual([]);
    await world.ingest(
      story.tenant,
      story.app,
      records.filter((record) => record.type === 'conversation' || record.type === 'message'),
    );
    expect(
      (await world.sql('select external_id from messages where app_id = $1 order by 1', [story.app])).map(
        (row) => row['external_id'],
      ),
    ).toEqual(['d1', 'd2', 'p1', 'p2']);
    expect(await world.sql('select 1 from users where id in ($1, $2)', [story.ada, story.ben])).toHaveLength(2);
  });

  test('a call in it stays, without the conversation', async () => {
    const story = await start();
    const answer = await officer(story)(
      'mutation ($id: ID!) { eraseConversation(conversationId: $id, ground: NO_LONGER_NECESSARY) { id } }',
      { id: (await message(story, 'd1'))!['conversation_id'] },
    );
    await finished(world, answer.data.eraseConversation.id);
    expect(
      await world.sql(`select conversation_id, initiator_id from calls where app_id = $1 and external_id = 'k1'`, [story.app]),
    ).toEqual([{ conversation_id: null, initiator_id: story.ada }]);
  });
});

describe('a person deletes', () => {
  let story: Story;
  beforeAll(async () => {
    story = await start();
    world.clock.offset = Date.parse('2026-01-20T00:00:00Z') - Date.now();
  });
  afterAll(() => {
    world.clock.offset = 0;
  });

  test.each([
    ['a message of theirs in a group', 'g1', 'ada'],
    ['a message they received in a direct conversation', 'd2', 'ada'],
    ['a message the business sent them', 'p2', 'ada'],
    ['a message they sent to the business', 'p1', 'ada'],
  ] as const)('%s, and its place stays', async (_what, externalId, who) => {
    const answer = await person(story, story[who])(DELETE_MINE, { id: await idOf(story, externalId) });
    expect(answer.codes).toEqual([]);
    expect(answer.data.deleteMyMessage).toContainEqual({ name: 'messages', count: 1 });
    expect(await message(story, externalId)).toMatchObject({ kind: 'TOMBSTONE', author_id: null, subject_id: null, body: null });
    expect((await person(story, story[who])(DELETE_MINE, { id: await idOf(story, externalId) })).codes).toEqual(['NOT_FOUND']);
  });

  test('its file goes from the store, and the log says who did it', async () => {
    expect(await files(story)).toBe(1);
    const [entry] = await world.sql(
      `select actor_subject, targets from audit_entries where tenant_id = $1 and act = 'erasure.requested' order by id limit 1`,
      [story.tenant],
    );
    expect(entry).toMatchObject({ actor_subject: `user ${story.ada}`, targets: { message: await idOf(story, 'g1') } });
  });

  test.each([
    ["another's message in a group", 'g4', 'ada'],
    ['a message of a conversation they take no part in', 'p2', 'ben'],
    ['a message of a direct conversation of others', 'd1', 'gus'],
  ] as const)('but not %s: to them it does not exist', async (_what, externalId, who) => {
    expect((await person(story, story[who])(DELETE_MINE, { id: await idOf(story, externalId) })).codes).toEqual(['NOT_FOUND']);
  });

  test('but not what was written to a conversation after they left it, nor anything once they were erased', async () => {
    const wrote = (externalId: string, sentAt: string): RawRecord => ({
      type: 'message',
      externalId,
      conversation: 'dm',
      author: 'plat-ben',
      sentAt,
      body: 'hm',
    });
    await world.ingest(story.tenant, story.app, [
      { type: 'participant', conversation: 'dm', user: ADA.externalId, leftAt: '2026-01-02T12:00:00Z' },
      wrote('d3', '2026-01-02T11:00:00Z'),
      wrote('d4', '2026-01-02T11:30:00Z'),
      wrote('d5', '2026-01-02T13:00:00Z'),
    ]);
    const ada = world.as(await world.token({ tenant: story.tenant, app: story.app, user: story.ada }));
    const remove = async (externalId: string): Promise<string[]> =>
      (await ada(DELETE_MINE, { id: await idOf(story, externalId) })).codes;
    expect(await remove('d5')).toEqual(['NOT_FOUND']);
    expect(await remove('d3')).toEqual([]);
    await world.sql('update users set erased_at = now() where id = $1', [story.ada]);
    expect(await remove('d4')).toEqual(['NOT_FOUND']);
    await world.sql('update users set erased_at = null where id = $1', [story.ada]);
  });

  test('only within the window of the tenant', async () => {
    world.clock.offset = Date.parse('2026-02-02T10:00:01Z') - Date.now();
    const id = await idOf(story, 'd1');
    const late = await person(story, story.ben)(DELETE_MINE, { id });
    expect(late.codes).toEqual(['EXPIRED']);
    expect(late.messages[0]).toContain('30 days');
    await world.sql('update tenants set deletion_window_days = 60 where tenant_id = $1', [story.tenant]);
    expect((await person(story, story.ben)(DELETE_MINE, { id })).codes).toEqual([]);
  });

  test('with a token of their own: an officer uses eraseMessage', async () => {
    expect(
      (
        await world.as({ tenant: story.tenant, role: 'TENANT_ADMIN', permissions: ['self:read', 'rights:read'] })(DELETE_MINE, {
          id: story.ada,
        })
      ).codes,
    ).toEqual(['FORBIDDEN']);
    expect((await world.as({ tenant: story.tenant })(DELETE_MINE, { id: story.ada })).codes).toEqual(['FORBIDDEN']);
  });
});
