import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { contentsOf, ingestAs } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';
import { ada, cleo, message, room } from './ingest-rules.support.ts';
import { at } from './ingest.support.ts';

let world: World;
let tenant: string;
let app: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
});
beforeEach(async () => {
  app = await world.app(tenant);
});
afterAll(() => world.close());

describe('a batch that is not in order', () => {
  const refusals: [string, unknown[], RegExp][] = [
    ['a record that is no record', [ada, { type: 'user' }], /^records\[1\]\.externalId: /],
    ['a field that is not in the schema', [{ ...ada, secret: 1 }], /^records\[0\]\.the record: 1 field/],
    ['something that is no object', ['hello'], /^records\[0\]\./],
    ['an author nobody knows', [ada, room, message('m', { author: 'nobody' })], /^records\[2\]\.author: no user/],
    ['a mention of nobody', [ada, room, message('m', { mentions: ['ada', 'nobody'] })], /^records\[2\]\.mentions\[1\]: no user/],
    [
      'a reaction of nobody',
      [ada, room, message('m', { reactions: [{ user: 'nobody', emoji: 'x' }] })],
      /^records\[2\]\.reactions\[0\]\.user: no user/,
    ],
    ['a conversation nobody knows', [ada, message('m')], /^records\[1\]\.conversation: no conversation/],
    [
      'a participant nobody knows',
      [{ ...room, participants: [{ user: 'nobody' }] }],
      /^records\[0\]\.participants\[0\]\.user: no user/,
    ],
    ['a time in the year 0', [ada, room, message('m', { sentAt: '0000-01-01T00:00:00Z' })], /^records\[2\]\.sentAt: /],
    [
      'a time in no zone of this world',
      [ada, room, message('m', { sentAt: '2026-01-01T00:00:00+23:00' })],
      /^records\[2\]\.sentAt: /,
    ],
  ];
  test.each(refusals)('%s is refused by record and field, and nothing is written', async (_, records, says) => {
    const answer = await ingestAs(world, { tenant, app }, records);
    expect(answer.codes).toEqual(['INVALID_INPUT']);
    expect(answer.messages[0]).toMatch(says);
    for (const table of ['users', 'conversations', 'messages'])
      expect(await world.sql(`select 1 from ${table} where app_id = $1`, [app])).toEqual([]);
  });

  test('1,000 records are taken and 1,001 are not', async () => {
    const users = Array.from({ length: 1001 }, (_, n) => ({ type: 'user', externalId: `u${n}` }));
    expect((await ingestAs(world, { tenant, app }, users)).codes).toEqual(['LIMIT_EXCEEDED']);
    expect((await ingestAs(world, { tenant, app }, users.slice(1))).counts['user']).toEqual([1000, 0, 0]);
  });
});

describe('deliveries and calls', () => {
  test('a later status and the end of a call are taken over, earlier ones are not', async () => {
    const delivery = (status: string, minute: number): RawRecord => ({
      type: 'delivery',
      externalId: 'd',
      user: 'ada',
      conversation: 'room',
      message: 'm',
      channel: 'sms',
      status,
      at: at(minute),
    });
    const call = { type: 'call', externalId: 'c', initiator: 'ada', startedAt: at(1) } as const;
    await ingestAs(world, { tenant, app }, [ada, room, delivery('SENT', 1), call]);
    const answer = await ingestAs(world, { tenant, app }, [
      message('m'),
      delivery('READ', 9),
      { ...call, endedAt: at(3), participants: [{ user: 'ada' }] },
    ]);
    expect(answer.counts).toMatchObject({ delivery: [0, 1, 0], call: [0, 1, 0] });
    expect((await ingestAs(world, { tenant, app }, [delivery('SENT', 1), call])).counts).toMatchObject({
      delivery: [0, 0, 1],
      call: [0, 0, 1],
    });
    expect(
      await world.sql('select status, message_id is not null as tied from delivery_records where app_id = $1', [app]),
    ).toEqual([{ status: 'READ', tied: true }]);
    expect(await world.sql('select duration_seconds from calls where app_id = $1', [app])).toEqual([{ duration_seconds: 120 }]);
    expect(await world.sql('select 1 as n from call_participants where app_id = $1', [app])).toEqual([{ n: 1 }]);
  });
});

describe('whose app it is', () => {
  test('two apps with the same external ids do not meet', async () => {
    const other = await world.app(tenant);
    for (const each of [app, other])
      expect((await ingestAs(world, { tenant, app: each }, [ada, room, message('m')])).counts).toMatchObject({
        user: [1, 0, 0],
        message: [1, 0, 0],
      });
    expect(await world.userId(tenant, app, 'ada')).not.toBe(await world.userId(tenant, other, 'ada'));
  });

  test.each([
    ['another app of the tenant', async () => world.app(tenant)],
    ['an app of another tenant', async () => world.app(await world.tenant())],
    ['an app that does not exist', async () => '01890000-0000-7000-8000-000000000000'],
    ['something that is no id', async () => "' or true"],
  ])('a token of one app cannot feed %s, and cannot tell whether it exists', async (_, make) => {
    const answer = await ingestAs(world, { tenant, app }, [ada], await make());
    expect(answer).toMatchObject({ codes: ['NOT_FOUND'], messages: ['No such app in the scope of this token.'] });
  });

  test('a tenant token names the app; without the permission nothing is taken', async () => {
    expect((await ingestAs(world, { tenant }, [ada])).codes).toEqual(['INVALID_INPUT']);
    expect((await ingestAs(world, { tenant }, [ada], app)).counts).toMatchObject({ user: [1, 0, 0] });
    expect((await ingestAs(world, { tenant, role: 'PRIVACY_OFFICER' }, [ada], app)).codes).toEqual(['FORBIDDEN']);
    const user = await world.userId(tenant, app, 'ada');
    expect((await ingestAs(world, { tenant, app, user }, [ada], app)).codes).toEqual(['FORBIDDEN']);
  });

  test('each batch is on record with its counts, and without a word of it', async () => {
    await ingestAs(world, { tenant, app }, [ada, room, message('m', { body: 'a secret' })]);
    const [entry] = await world.sql(`select targets from audit_entries where act = 'data.ingested' and targets->>'app' = $1`, [
      app,
    ]);
    expect(entry!['targets']).toEqual({
      app,
      records: 3,
      skipped: 0,
      counts: { 'user.created': 1, 'conversation.created': 1, 'participant.created': 1, 'message.created': 1 },
    });
  });
});

describe('somebody who was erased', () => {
  /** What an erasure leaves: no row, no key, and a line in the ledger. */
  const erase = async (externalId: string): Promise<void> => {
    const id = await world.userId(tenant, app, externalId);
    for (const table of ['identifiers', 'participants', 'mentions', 'reactions'])
      await world.sql(`delete from ${table} where user_id = $1`, [id]);
    for (const table of ['mentions', 'reactions'])
      await world.sql(`delete from ${table} where message_id in (select id from messages where subject_id = $1)`, [id]);
    await world.sql('delete from messages where subject_id = $1', [id]);
    await world.sql(
      `insert into erasures (tenant_id, id, app_id, target, target_id, external_index, request_id, erased_at)
       select tenant_id, gen_random_uuid(), app_id, 'USER', id, external_index, gen_random_uuid(), $2 from users where id = $1`,
      [id, at(30)],
    );
    await world.sql('delete from users where id = $1', [id]);
    await world.sql('delete from keys.subject_keys where subject_id = $1', [id]);
    world.system.keys.cache.forget(tenant);
  };
  const all: RawRecord[] = [
    ada,
    cleo,
    room,
    { type: 'participant', conversation: 'room', user: 'cleo' },
    message('m'),
    message('n', { author: 'cleo', body: 'hi <@ada>', mentions: ['ada'], reactions: [{ user: 'ada', emoji: 'x' }] }),
  ];

  test('does not come back with the records they were in, each of which is reported', async () => {
    await ingestAs(world, { tenant, app }, all);
    await erase('ada');
    const before = await contentsOf(world, tenant, app);
    const again = await ingestAs(world, { tenant, app }, all);
    expect(again.codes).toEqual([]);
    expect(again.skipped.map((skip) => `${skip.index} ${skip.what}: ${skip.reason}`)).toEqual([
      '0 user: the person was erased',
      '2 participant: the person was erased',
      '4 message: the person was erased',
      '5 reaction: the person was erased',
    ]);
    expect(await contentsOf(world, tenant, app)).toEqual(before);
  });

  test('who signs up anew is a new person; what their former self wrote stays gone', async () => {
    await ingestAs(world, { tenant, app }, all);
    await erase('ada');
    const answer = await ingestAs(world, { tenant, app }, [
      { ...ada, signedUpAt: at(40) } as RawRecord,
      message('m'),
      message('later', { sentAt: at(50) }),
    ]);
    expect(answer.counts).toMatchObject({ user: [1, 0, 0], message: [1, 0, 0] });
    expect(answer.skipped).toEqual([{ index: 1, what: 'message', reason: 'the person was erased' }]);
    expect(
      (await world.sql(`select external_id from messages where app_id = $1 and external_id <> 'n'`, [app])).map(
        (row) => row['external_id'],
      ),
    ).toEqual(['later']);
  });

  test('who signs up anew does not take the place that their former self had in a conversation', async () => {
    await ingestAs(world, { tenant, app }, all);
    await erase('ada');
    const place = { type: 'participant', conversation: 'room', user: 'ada' } as const;
    const answer = await ingestAs(world, { tenant, app }, [
      { ...ada, signedUpAt: at(40) } as RawRecord,
      { ...place, joinedAt: at(2) },
      { ...place, leftAt: at(3) },
    ]);
    expect(answer.skipped.map(({ what, reason }) => [what, reason])).toEqual(
      Array.from({ length: 2 }, () => ['participant', 'the person was erased']),
    );
    expect((await ingestAs(world, { tenant, app }, [{ ...place, joinedAt: at(41) }])).counts['participant']).toEqual([1, 0, 0]);
  });

  test('leaves the personal conversation of a customer with an agent who was erased to the customer', async () => {
    const care: RawRecord = {
      type: 'conversation',
      externalId: 'care',
      kind: 'PERSONAL',
      participants: [{ user: 'cleo' }, { user: 'ada' }],
    };
    await ingestAs(world, { tenant, app }, [...all, care, message('c', { conversation: 'care' })]);
    await erase('cleo');
    const again = await ingestAs(world, { tenant, app }, [
      ada,
      care,
      message('c', { conversation: 'care' }),
      message('d', { conversation: 'care', sentAt: at(9) }),
    ]);
    expect(again.counts['message']).toEqual([1, 0, 1]);
  });
});
