import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { contentsOf, ingestAs } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';
import { at, people, room } from './ingest.support.ts';

let world: World;
let tenant: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
});
afterAll(() => world.close());

const everything: RawRecord[] = [
  ...people,
  room,
  { type: 'conversation', externalId: 'care', kind: 'PERSONAL', participants: [{ user: 'cleo' }, { user: 'ada' }] },
  { type: 'participant', conversation: 'room', user: 'cleo', joinedAt: at(0) },
  {
    type: 'message',
    externalId: 'm1',
    conversation: 'room',
    author: 'ada',
    sentAt: at(1),
    body: 'Hello <@ben> \u{1F680}',
    mentions: ['ben'],
    reactions: [{ user: 'ben', emoji: 'wave' }],
    attachments: [{ externalId: 'f1', name: 'plan.pdf', size: 12 }],
    metadata: { client: 'web' },
  },
  { type: 'message', externalId: 'm2', conversation: 'room', author: 'ben', sentAt: at(2), replyTo: 'm1', body: 'Hi' },
  {
    type: 'message',
    externalId: 'm3',
    conversation: 'room',
    sentAt: at(3),
    kind: 'SYSTEM',
    body: 'Somebody joined',
    attachments: [{ externalId: 'f2', name: 'nobodys.txt' }],
  },
  { type: 'message', externalId: 'm4', conversation: 'room', author: 'ben', sentAt: at(4), body: 'to be deleted' },
  { type: 'message', externalId: 'c1', conversation: 'care', author: 'cleo', sentAt: at(5), body: 'Dear Ada' },
  { type: 'messageEdit', conversation: 'room', externalId: 'm2', editedAt: at(6), body: 'Hi <@ada>', mentions: ['ada'] },
  { type: 'reaction', conversation: 'room', message: 'm2', user: 'ada', emoji: 'heart', reactedAt: at(7) },
  { type: 'messageDeletion', conversation: 'room', externalId: 'm4' },
  {
    type: 'call',
    externalId: 'call1',
    conversation: 'care',
    initiator: 'ada',
    startedAt: at(8),
    endedAt: at(9),
    participants: [{ user: 'ada' }, { user: 'cleo', joinedAt: at(8) }],
  },
  {
    type: 'delivery',
    externalId: 'd1',
    user: 'ada',
    conversation: 'care',
    message: 'c1',
    channel: 'sms',
    source: '+49301',
    destination: '+49302',
    status: 'SENT',
    at: at(10),
  },
  { type: 'businessLink', user: 'ada', system: 'crm', reference: 'T-1' },
];

describe('the same batch again', () => {
  test('finds everything unchanged and leaves every table as it was, byte for byte', async () => {
    const app = await world.app(tenant);
    const first = await ingestAs(world, { tenant, app }, everything);
    expect(first.codes).toEqual([]);
    expect(first.counts).toMatchObject({
      user: [3, 0, 0],
      conversation: [2, 0, 0],
      participant: [5, 0, 0],
      message: [5, 2, 0],
      reaction: [2, 0, 0],
      attachment: [2, 0, 0],
      call: [1, 0, 0],
      delivery: [1, 0, 0],
      businessLink: [1, 0, 0],
    });
    const before = await contentsOf(world, tenant);
    const second = await ingestAs(world, { tenant, app }, everything);
    expect(second.codes).toEqual([]);
    for (const [created, updated] of Object.values(second.counts)) expect([created, updated]).toEqual([0, 0]);
    expect(await contentsOf(world, tenant)).toEqual(before);
  });

  test('given twice at the same moment is taken over once', async () => {
    const app = await world.app(tenant);
    const answers = await Promise.all([1, 2, 3].map(() => ingestAs(world, { tenant, app }, everything)));
    expect(answers.flatMap((answer) => answer.codes)).toEqual([]);
    const created = answers.map((answer) => answer.counts['message']![0]);
    expect(created.sort((a, b) => (a ?? 0) - (b ?? 0))).toEqual([0, 0, 5]);
    expect(await world.sql('select count(*)::int as n from messages where app_id = $1', [app])).toEqual([{ n: 5 }]);
  });
});

describe('edits and deletions', () => {
  const opened = async (): Promise<string> => {
    const app = await world.app(tenant);
    await world.ingest(tenant, app, [
      ...people,
      room,
      {
        type: 'message',
        externalId: 'm',
        conversation: 'room',
        author: 'ada',
        sentAt: at(1),
        body: 'one <@ben>',
        mentions: ['ben'],
      },
    ]);
    return app;
  };
  const edit = (minute: number, body: string, mentions: string[] = []): RawRecord => ({
    type: 'messageEdit',
    conversation: 'room',
    externalId: 'm',
    editedAt: at(minute),
    body,
    mentions,
  });
  const bodyOf = async (app: string): Promise<unknown> =>
    (await contentsOf(world, tenant, app))['messages']!.find((row) => row['external_id'] === 'm')!['body'];

  test('the later edit wins, whichever comes first', async () => {
    const app = await opened();
    expect((await ingestAs(world, { tenant, app }, [edit(9, 'nine')])).counts['message']).toEqual([0, 1, 0]);
    expect((await ingestAs(world, { tenant, app }, [edit(5, 'five')])).counts['message']).toEqual([0, 0, 1]);
    expect(await bodyOf(app)).toBe('nine');
    expect((await ingestAs(world, { tenant, app }, [edit(12, 'twelve'), edit(11, 'eleven')])).counts['message']).toEqual([
      0, 1, 1,
    ]);
    expect(await bodyOf(app)).toBe('twelve');
  });

  test('an edit takes the old mentions away, and the unedited record does not bring them back', async () => {
    const app = await opened();
    await ingestAs(world, { tenant, app }, [edit(5, 'two <@cleo>', ['cleo'])]);
    await ingestAs(world, { tenant, app }, [
      {
        type: 'message',
        externalId: 'm',
        conversation: 'room',
        author: 'ada',
        sentAt: at(1),
        body: 'one <@ben>',
        mentions: ['ben'],
      },
    ]);
    const cleo = await world.userId(tenant, app, 'cleo');
    expect(await world.sql('select user_id from mentions where app_id = $1', [app])).toEqual([{ user_id: cleo }]);
    expect(await bodyOf(app)).toBe(`two <@${cleo}>`);
  });

  test('of two records of one message in a batch the later edit is held', async () => {
    const app = await opened();
    const record = { type: 'message', externalId: 'twice', conversation: 'room', author: 'ada', sentAt: at(1) } as const;
    await ingestAs(world, { tenant, app }, [
      { ...record, body: 'edited', editedAt: at(3) },
      { ...record, body: 'first' },
    ]);
    const rows = (await contentsOf(world, tenant, app))['messages']!.filter((row) => row['external_id'] === 'twice');
    expect(rows.map((row) => row['body'])).toEqual(['edited']);
  });

  test('a deletion leaves a tombstone that the old record, an edit or a reaction does not bring back', async () => {
    const app = await opened();
    await ingestAs(world, { tenant, app }, [{ type: 'messageDeletion', conversation: 'room', externalId: 'm' }]);
    const again = await ingestAs(world, { tenant, app }, [
      {
        type: 'message',
        externalId: 'm',
        conversation: 'room',
        author: 'ada',
        sentAt: at(1),
        editedAt: at(30),
        body: 'one',
        reactions: [{ user: 'ben', emoji: 'x' }],
        attachments: [{ externalId: 'f' }],
      },
      edit(40, 'risen'),
      { type: 'reaction', conversation: 'room', message: 'm', user: 'ben', emoji: 'x' },
    ]);
    expect(again.skipped.map((skip) => [skip.index, skip.reason])).toEqual([
      [1, 'the message was deleted'],
      [2, 'the message was deleted'],
    ]);
    const rows = await world.sql('select kind, body, author_id, subject_id, metadata from messages where app_id = $1', [app]);
    expect(rows).toEqual([{ kind: 'TOMBSTONE', body: null, author_id: null, subject_id: null, metadata: null }]);
    for (const table of ['mentions', 'reactions', 'attachments'])
      expect(await world.sql(`select 1 from ${table} where app_id = $1`, [app])).toEqual([]);
  });

  test('a tombstone fed in for a message that is held deletes it', async () => {
    const app = await opened();
    await ingestAs(world, { tenant, app }, [
      { type: 'message', externalId: 'm', conversation: 'room', sentAt: at(1), kind: 'TOMBSTONE' },
    ]);
    expect(await world.sql('select kind, body, author_id from messages where app_id = $1', [app])).toEqual([
      { kind: 'TOMBSTONE', body: null, author_id: null },
    ]);
  });

  test('a change of a message that is not held is skipped and reported', async () => {
    const app = await opened();
    const answer = await ingestAs(world, { tenant, app }, [
      { type: 'messageDeletion', conversation: 'room', externalId: 'nope' },
    ]);
    expect(answer.skipped).toEqual([
      { index: 0, what: 'messageDeletion', reason: 'no message of this external id in the conversation' },
    ]);
  });
});
