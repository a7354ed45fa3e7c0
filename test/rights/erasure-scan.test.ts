import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { carryOut } from '../../src/rights/erasure/erasure.job.ts';
import type { RawRecord } from '../../src/intake/records.ts';
import { chance, seedOfRun } from '../isolation/chance.ts';
import { most, plansOf } from '../support/plan.ts';
import { openWorld, type World } from '../support/world.ts';
import { ERASE_USER } from './erasure.support.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

const findingsOf = (row: Record<string, unknown>): { place: string; kind: string; count: number }[] =>
  (row['residual'] as { findings: { place: string; kind: string; count: number }[] }).findings;

type Person = Extract<RawRecord, { type: 'user' }>;

/** Erases a person who is alone in an app, and answers the request's row. `leave` is what a bug leaves behind of them. */
async function eraseAlone(
  person: Omit<Person, 'type' | 'externalId'>,
  more: RawRecord[] = [],
  leave: (tenant: string) => Promise<unknown> = () => Promise.resolve(),
  batch?: number,
): Promise<Record<string, unknown>> {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'plat-1', ...person }, ...more]);
  const answer = await world.as({ tenant, role: 'PRIVACY_OFFICER' })(ERASE_USER, {
    user: await world.userId(tenant, app, 'plat-1'),
  });
  expect(answer.messages).toEqual([]);
  const id = answer.data.eraseUser.id as string;
  await leave(tenant);
  await carryOut(world.system, id, { ...world.cli, tenantId: tenant }, new AbortController().signal, batch);
  return (await world.sql('select status, error, residual from requests where id = $1', [id]))[0]!;
}

test.each([
  ['Devanagari, with vowel signs', 'आशा वर्मा'],
  ['Thai', 'สมชาย ใจดี'],
  ['Hebrew, with points', 'שָׁלוֹם כֹּהֵן'],
  ['accents as characters of their own', 'Zoe\u0308 Mu\u0308ller'],
  ['emoji and what joins them', 'Kim \u{1F469}\u200D\u{1F680}'],
  ['signs of a regular expression', 'a.b*c+(d)[e]{2}^$|\\ \\m \\u0041_-'],
  ['a NUL and half a surrogate pair', 'Nul\u0000 \ud83d Pair'],
])('somebody with a name in %s is erased to the end', async (_, displayName) => {
  expect(await eraseAlone({ profile: { displayName } })).toMatchObject({ status: 'COMPLETED', residual: { total: 0 } });
});

/** Messages of somebody else, in a group, by the names they are given. */
const othersWords = (names: readonly string[]): RawRecord[] => [
  { type: 'user', externalId: 'plat-2' },
  { type: 'conversation', externalId: 'group', kind: 'PUBLIC_GROUP', participants: [{ user: 'plat-2' }] },
  ...names.map((externalId): RawRecord => ({
    type: 'message',
    externalId,
    conversation: 'group',
    author: 'plat-2',
    sentAt: '2026-01-01T10:00:00Z',
    body: 'x',
  })),
];

const ticket = (n: number): string => `https://helpdesk.example/tickets/Ticket-${String(n * 7919).padStart(9, '0')}`;
const tickets = (count: number): RawRecord[] =>
  Array.from({ length: count }, (_, n) => ({ type: 'businessLink', user: 'plat-1', system: 'helpdesk', reference: ticket(n) }));

test('somebody with thousands of tickets is erased to the end, and each one that is left behind is found, as a word of its own', async () => {
  const group = othersWords(['a', 'b', 'c', 'd']);
  const end = await eraseAlone({ profile: { displayName: 'Tia' } }, [...tickets(2000), ...group], async (tenant) => {
    const left = { a: `{"see":"${ticket(1999)}"}`, b: `again ${ticket(1000)}`, c: `${ticket(1500)}7`, d: 'tickets' };
    for (const [name, text] of Object.entries(left))
      await world.sql('update messages set external_id = $3 where tenant_id = $1 and external_id = $2', [tenant, name, text]);
  });
  expect(end).toMatchObject({ status: 'PARTIALLY_COMPLETED' });
  expect(findingsOf(end)).toEqual([{ place: 'messages.external_id', kind: 'REFERENCE', count: 2 }]);
});

test.each([1, 2, 3, 1000])('what is left is found on whatever page it lies, and counted once: %i rows a page', async (rows) => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const emoji = ['1', '2', '3', '4', '5'];
  const marks = emoji.map((text): RawRecord => ({
    type: 'reaction',
    message: 'a',
    conversation: 'group',
    user: 'plat-2',
    emoji: text,
  }));
  const end = await eraseAlone(
    { profile: { displayName: 'Tia Quill' } },
    [...othersWords(names), ...marks],
    async (tenant) => {
      const leave = (table: string, column: string, found: readonly string[]): Promise<unknown> =>
        world.sql(`update ${table} set ${column} = ${column} || ' Tia Quill' where tenant_id = $1 and ${column} = any ($2)`, [
          tenant,
          found,
        ]);
      await leave('messages', 'external_id', ['a', 'd', 'g']);
      await leave('reactions', 'emoji', ['2', '3', '4', '5']);
    },
    rows,
  );
  expect(findingsOf(end)).toEqual([
    { place: 'messages.external_id', kind: 'NAME', count: 3 },
    { place: 'reactions.emoji', kind: 'NAME', count: 4 },
  ]);
});

test('whatever signs a value is written with, what is left of it is found, in clear and among sealed bytes, and nothing that only resembles it', async () => {
  const random = chance(seedOfRun('signs'));
  const signs = 'ab1%_\\.*$^()[]{}|+?é-/#'.split('');
  const references = [
    ...new Set(Array.from({ length: 30 }, () => `x${Array.from({ length: 6 }, () => random.pick(signs)).join('')}y`)),
  ];
  const names = references.map((_, nth) => `m${nth}`);
  const end = await eraseAlone(
    { profile: { displayName: 'Tia' } },
    [
      ...references.map((reference): RawRecord => ({ type: 'businessLink', user: 'plat-1', system: 'helpdesk', reference })),
      ...othersWords([...names, 'like', 'bytes']),
    ],
    async (tenant) => {
      const leave = (name: string, column: string, value: unknown): Promise<unknown> =>
        world.sql(`update messages set ${column} = $3 where tenant_id = $1 and external_id = $2`, [tenant, name, value]);
      for (const [nth, name] of names.entries()) await leave(name, 'external_id', `see ${references[nth]} again`);
      await leave('like', 'external_id', `x${'%'.repeat(3)}y`);
      await leave('bytes', 'body', Buffer.from(`\u0001${references[0]}\u00ff`));
    },
    // Each row is a page of its own: none is looked at because of another.
    1,
  );
  expect(findingsOf(end)).toEqual([
    { place: 'messages (sealed)', kind: 'BYTES', count: 1 },
    { place: 'messages.external_id', kind: 'REFERENCE', count: references.length },
  ]);
});

test('what a table is full of is counted to ten thousand, and does not hide what else is in it', async () => {
  const end = await eraseAlone(
    { profile: { displayName: 'Tia Quill', email: 'tia@mail.example' } },
    othersWords(['a']),
    async (tenant) =>
      world.sql(
        `insert into reactions (tenant_id, app_id, conversation_id, message_id, user_id, emoji)
           select m.tenant_id, m.app_id, m.conversation_id, m.id, m.subject_id, case when n = 10100 then '99999 tia@mail.example' else n || ' Tia Quill' end
             from messages m, generate_series(1, 10100) as n where m.tenant_id = $1 and m.external_id = 'a'`,
        [tenant],
      ),
  );
  expect(findingsOf(end)).toEqual([
    { place: 'reactions.emoji', kind: 'EMAIL', count: 1 },
    { place: 'reactions.emoji', kind: 'NAME', count: 10_000 },
  ]);
});

test('to ask what may be on a page costs no more than its rows, though the statistics know nothing of the tenant', async () => {
  const plans = plansOf(world, /row_number\(\) over[^]*from \S*\bmessages\b/);
  const group = othersWords(Array.from({ length: 400 }, (_, nth) => `m${nth}`));
  // Many tenants of three messages each are all that the planner knows of.
  for (let nth = 0; nth < 60; nth += 1) {
    const other = await world.tenant();
    await world.ingest(other, await world.app(other), othersWords(['a', 'b', 'c']));
  }
  await world.sql('vacuum (analyze) messages');
  await eraseAlone({ profile: { displayName: 'Tia' } }, group, undefined, 20);
  expect(plans.length).toBe(21);
  expect(Math.max(...plans.map(most))).toBe(20);
});
