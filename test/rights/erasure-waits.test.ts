import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { carryOut } from '../../src/rights/erasure/erasure.job.ts';
import { barrier } from '../faults/site.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';

let world: World;
let tenant: string;
let app: string;
let officer: Ask;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
  app = await world.app(tenant);
  officer = world.as(await world.token({ tenant, role: 'PRIVACY_OFFICER' }));
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'ada' },
    { type: 'conversation', externalId: 'c', kind: 'PERSONAL', participants: [{ user: 'ada' }] },
    ...['one', 'two'].map((externalId) => ({
      type: 'message' as const,
      externalId,
      conversation: 'c',
      author: 'ada',
      sentAt: '2026-01-01T00:00:00Z',
      body: 'hello',
    })),
  ]);
});
afterAll(() => world.close());

const carry = (requestId: string): Promise<void> =>
  carryOut(world.system, requestId, { ...world.cli, tenantId: tenant }, new AbortController().signal);
const shown = async (id: string): Promise<{ status: string; error: string | null }> =>
  (await officer('query ($id: ID!) { request(id: $id) { status error } }', { id })).data.request;

test('an erasure for which the app is kept for long gives its worker up, says so, and ends when it is tried again', async () => {
  const { data: message } = await officer('mutation ($id: ID!) { eraseMessage(messageId: $id, ground: OBJECTION) { id } }', {
    id: (await world.sql(`select id from messages where external_id = 'one'`))[0]!['id'],
  });
  const { data: person } = await officer('mutation ($id: ID!) { eraseUser(userId: $id, ground: OBJECTION) { id } }', {
    id: await world.userId(tenant, app, 'ada'),
  });
  const rude = await barrier(world);
  try {
    await rude.hold('select 1 from apps where id = $1 for no key update', [app]);
    await expect(carry(person.eraseUser.id)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await shown(person.eraseUser.id)).toEqual({
      status: 'SCHEDULED',
      error: 'Something else is at work in this app for longer. The job is tried again.',
    });
    // A message went when that was asked for; nothing is left that would have to wait.
    await carry(message.eraseMessage.id);
    expect(await shown(message.eraseMessage.id)).toEqual({ status: 'COMPLETED', error: null });
  } finally {
    await rude.release();
  }
  await carry(person.eraseUser.id);
  expect(await shown(person.eraseUser.id)).toEqual({ status: 'COMPLETED', error: null });
  // Ended, it waits for nobody.
  const again = await barrier(world);
  try {
    await again.hold('select 1 from apps where id = $1 for no key update', [app]);
    await carry(person.eraseUser.id);
  } finally {
    await again.release();
  }
});

test("a conversation's participants go batch by batch, and the progress ends where it said", async () => {
  const people = Array.from({ length: 5 }, (_, nth) => `p${nth}`);
  await world.ingest(tenant, app, [
    ...people.map((externalId) => ({ type: 'user' as const, externalId })),
    { type: 'conversation', externalId: 'd', kind: 'PUBLIC_GROUP', participants: people.map((user) => ({ user })) },
  ]);
  const [{ id }] = (await world.sql(`select conversation_id as id from participants group by 1 having count(*) = 5`)) as [
    { id: string },
  ];
  const { data } = await officer('mutation ($id: ID!) { eraseConversation(conversationId: $id, ground: OBJECTION) { id } }', {
    id,
  });
  const scope = { ...world.cli, tenantId: tenant };
  const stop = new AbortController();
  // It is told to stop after each batch, and goes on when it is run again.
  stop.abort();
  for (let batch = 1; batch <= 3; batch += 1) {
    await expect(carryOut(world.system, data.eraseConversation.id, scope, stop.signal, 2)).rejects.toThrow();
    expect(await world.sql('select stage, done, total from requests where id = $1', [data.eraseConversation.id])).toMatchObject([
      { stage: 'participants', done: String(Math.min(2 * batch, 5)), total: '6' },
    ]);
  }
  await carryOut(world.system, data.eraseConversation.id, scope, new AbortController().signal, 2);
  expect(
    await world.sql('select status, done, total, counts from requests where id = $1', [data.eraseConversation.id]),
  ).toMatchObject([{ status: 'COMPLETED', done: '6', total: '6', counts: { participants: 5, conversations: 1 } }]);
});
