import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { contentsOf, ingestAs } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let tenant: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
});
afterAll(() => world.close());

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();
const people: RawRecord[] = [
  {
    type: 'user',
    externalId: 'ada',
    profile: { displayName: 'Ada', email: 'ada@example.org' },
    channels: [{ channel: 'whatsapp', externalId: '49301', displayName: 'A' }],
  },
  { type: 'user', externalId: 'ben', profile: { displayName: 'Ben' }, metadata: { plan: 'gold' } },
  { type: 'user', externalId: 'cleo', kind: 'AGENT', profile: { displayName: 'Cleo' } },
];
const room: RawRecord = {
  type: 'conversation',
  externalId: 'room',
  kind: 'PUBLIC_GROUP',
  name: 'Room',
  participants: [{ user: 'ada' }, { user: 'ben', role: 'owner' }],
};
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

describe('replies', () => {
  const reply: RawRecord = {
    type: 'message',
    externalId: 'reply',
    conversation: 'room',
    author: 'ada',
    sentAt: at(2),
    replyTo: 'parent',
  };
  const parent: RawRecord = {
    type: 'message',
    externalId: 'parent',
    conversation: 'room',
    author: 'ben',
    sentAt: at(1),
    replyTo: 'parent',
  };
  test.each<[string, RawRecord[][]]>([
    ['in one batch', [[parent, reply]]],
    ['in one batch, the answer first', [[reply, parent]]],
    ['across batches', [[parent], [reply]]],
    ['across batches, the answer first', [[reply], [parent]]],
  ])('are tied to what they answer: %s', async (_, batches) => {
    const app = await world.app(tenant);
    await world.ingest(tenant, app, [...people, room]);
    for (const batch of batches) await ingestAs(world, { tenant, app }, batch);
    const rows = await world.sql(
      'select r.external_id, r.reply_to_external as waiting, p.external_id as parent from messages r left join messages p on p.tenant_id = r.tenant_id and p.id = r.reply_to_id where r.app_id = $1 order by 1',
      [app],
    );
    expect(rows).toEqual([
      { external_id: 'parent', waiting: null, parent: null },
      { external_id: 'reply', waiting: null, parent: 'parent' },
    ]);
  });
});

describe('texts', () => {
  test.each([
    ['a literal mention of nobody', 'see <@nobody> and <@> and <\\@x>'],
    ['a literal text in the form that mentions are stored in', 'is <@01890000-0000-7000-8000-000000000000> a mention?'],
    ['emoji and right-to-left script', '\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} \u05E9\u05DC\u05D5\u05DD \u{1F1E9}\u{1F1EA}'],
    ['backslashes, quotes and braces, as PostgreSQL arrays escape them', 'a\\b"c{d,e}\'f\n\r\t'],
    ['nothing', ''],
  ])('%s is read as it was written', async (_, body) => {
    const app = await world.app(tenant);
    await world.ingest(tenant, app, [...people, room]);
    await ingestAs(world, { tenant, app }, [
      { type: 'message', externalId: 'm', conversation: 'room', author: 'ada', sentAt: at(1), body },
    ]);
    expect((await contentsOf(world, tenant, app, { render: true }))['messages']!.map((row) => row['body'])).toEqual([body]);
  });

  test('a NUL and half a surrogate pair are replaced, in bodies, names, metadata and ids alike', async () => {
    const app = await world.app(tenant);
    const answer = await ingestAs(world, { tenant, app }, [
      { type: 'user', externalId: 'u\u0000', profile: { displayName: 'A\u0000\uD800' }, metadata: { 'k\u0000': ['v\u0000'] } },
      { type: 'conversation', externalId: 'c\u0000', kind: 'DIRECT', participants: [{ user: 'u\u0000', role: 'r\u0000' }] },
      {
        type: 'message',
        externalId: 'm\u0000',
        conversation: 'c\u0000',
        author: 'u\u0000',
        sentAt: at(1),
        body: 'x\u0000y',
        channel: 'z\u0000',
      },
    ]);
    expect(answer.codes).toEqual([]);
    const held = JSON.stringify(await contentsOf(world, tenant, app));
    expect(held).toContain('x\uFFFDy');
    expect(held).not.toContain('\\u0000');
  });

  test('a body of a million characters is held whole', async () => {
    const app = await world.app(tenant);
    const body = '\u{1F680}'.repeat(500_000);
    await world.ingest(tenant, app, [
      ...people,
      room,
      { type: 'message', externalId: 'm', conversation: 'room', author: 'ada', sentAt: at(1), body },
    ]);
    expect((await contentsOf(world, tenant, app))['messages']![0]!['body']).toBe(body);
  });
});
