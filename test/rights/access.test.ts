import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { format } from 'prettier';
import { packageSchema } from '../../src/rights/package/package-schema.ts';
import { openWorld, type World } from '../support/world.ts';
import { brightwater, type Company } from './brightwater.ts';
import { downloadZip, finished } from './support.ts';
import type { Ask } from '../support/world.ts';

let world: World;
let company: Company;
beforeAll(async () => {
  world = await openWorld();
  company = await brightwater(world);
});
afterAll(() => world.close());

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
const isPackage = ajv.compile(packageSchema());

const ACCESS =
  'mutation ($user: ID, $others: Others, $reason: String) { requestAccess(userId: $user, format: JSON, others: $others, reason: $reason) { request { id type dueAt } } }';

// oxlint-disable-next-line no-explicit-any -- the document is checked against its schema, here and field by field in the tests
async function documentOf(
  ask: Ask,
  variables: Record<string, unknown> = {},
): Promise<{ document: any; request: any; text: string }> {
  const asked = await ask(ACCESS, variables);
  expect(asked.codes).toEqual([]);
  const request = await finished(ask, asked.data.requestAccess.request.id);
  expect(request).toMatchObject({ status: 'COMPLETED', error: null, type: 'ACCESS' });
  const entries = await downloadZip(world, ask, request.artefact.id);
  const text = entries.get('data.json')!.toString();
  const document = JSON.parse(text);
  isPackage(document);
  expect(isPackage.errors ?? []).toEqual([]);
  expect(JSON.parse(entries.get('withheld.json')!.toString())).toEqual(document.withheld);
  return { document, request, text };
}
const officer = (): Ask => world.as({ tenant: company.tenant, role: 'PRIVACY_OFFICER' });
const person = (user: string): Ask => world.as({ tenant: company.tenant, app: company.app, user });
const bodies = (rows: { body: string }[]): string[] => rows.map(({ body }) => body).sort();

const OWN_WORDS = ['=HYPERLINK("x")', 'I bought a bicycle from @Person 1', 'it broke', 'we mend it', 'yes'];
const CONTEXT = [
  'a reply to it',
  'a thread begins',
  'before the second',
  'directly before',
  'even this',
  'in that thread',
  'thanks @Ada and @Person 1',
  'the whole of it',
];

test('docs/package.schema.json is what the holdings say now (HABEAS_WRITE_SCHEMA=1 renews it)', async () => {
  const path = resolve(import.meta.dirname, '../../docs/package.schema.json');
  const current = await format(JSON.stringify(packageSchema()), { parser: 'json', printWidth: 130 });
  if (process.env['HABEAS_WRITE_SCHEMA'] === '1') await writeFile(path, current);
  expect(await readFile(path, 'utf8')).toBe(current);
});

test('a person gets what is held about them with the conversation around it, others under pseudonyms', async () => {
  const { document, text } = await documentOf(person(company.ada));
  expect(document).toMatchObject({ subject: company.ada, others: 'CONTEXT' });
  expect(bodies(document.data.messages)).toEqual(OWN_WORDS);
  expect(bodies(document.context.messages)).toEqual(CONTEXT);
  expect(document.data.profile).toMatchObject([
    { id: company.ada, externalId: 'ada', profile: { displayName: 'Ada', email: 'ada@example.org' }, metadata: { plan: 'gold' } },
  ]);
  expect(document.data.businessLinks).toEqual([{ system: 'crm', reference: 'BW-17' }]);
  expect(document.data.deliveries).toMatchObject([{ destination: '+4477', status: 'read' }]);
  expect(document.data.calls).toMatchObject([{ initiator: 'Person 1' }]);
  expect(document.data.reactions).toHaveLength(1);
  expect(
    document.context.conversations.map(({ kind, name }: { kind: string; name: string | null }) => [kind, name]).sort(),
  ).toEqual([
    ['DIRECT', null],
    ['PERSONAL', null],
    ['PUBLIC_GROUP', 'general'],
  ]);
  expect(text).not.toMatch(/Ben|Cleo|Smith|example\.org\/ben|ben@/);
});

test('a pseudonym means the same person throughout a package', async () => {
  const { document } = await documentOf(officer(), { user: company.ada });
  const rows: { author: string; body: string }[] = [...document.data.messages, ...document.context.messages];
  const author = (body: string): string => rows.find((row) => row.body.includes(body))!.author;
  const ben = author('directly before');
  expect(['even this', 'a reply to it', 'before the second'].map(author)).toEqual([ben, ben, ben]);
  expect(rows.find((row) => row.body.startsWith('I bought'))!.body).toBe(`I bought a bicycle from @${ben}`);
  expect(document.data.calls[0].initiator).toBe(ben);
  expect(new Set([ben, author('a thread begins'), author('we mend it')]).size).toBe(3);
  expect(author('it broke')).toBe('Ada');
});

test('the officer also gets messages that mention the person elsewhere; to a user token they are counted as withheld', async () => {
  const { document } = await documentOf(officer(), { user: company.ada });
  expect(bodies(document.context.messages)).toEqual(['about @Ada', ...CONTEXT].sort());
  expect(document.withheld).not.toContainEqual(expect.objectContaining({ reason: 'OUTSIDE_SCOPE' }));
  const own = await documentOf(person(company.ada));
  expect(own.document.withheld).toContainEqual(
    expect.objectContaining({ reason: 'OUTSIDE_SCOPE', category: 'context', count: 1 }),
  );
});

test('OWN holds nothing of others, and says so', async () => {
  const { document, text } = await documentOf(person(company.ada), { others: 'OWN' });
  expect(document).not.toHaveProperty('context');
  expect(bodies(document.data.messages)).toEqual(OWN_WORDS);
  expect(document.withheld).toContainEqual(expect.objectContaining({ category: 'context', reason: 'NOT_ASKED_FOR' }));
  expect(text).not.toMatch(/directly before|the whole of it|Ben|Smith/);
});

test('FULL shows names as they were, and the reason stands on the request and in the audit log', async () => {
  const reason = 'The court asked for the names.';
  const { document, request } = await documentOf(officer(), { user: company.ada, others: 'FULL', reason });
  expect(document.context.messages.find(({ body }: { body: string }) => body === 'directly before')).toMatchObject({
    author: 'Ben Okri',
  });
  expect(bodies(document.context.messages)).toContain('thanks @Ada and @Ben Okri');
  expect(document.context.conversations).toContainEqual(expect.objectContaining({ kind: 'DIRECT', name: 'Ada and Ben' }));
  expect(request.artefact.manifest).toMatchObject({ others: 'FULL', reason });
  expect(
    (
      await world.sql(`select targets from audit_entries where act = 'access.requested' and targets->>'request' = $1`, [
        request.id,
      ])
    )[0],
  ).toMatchObject({ targets: { others: 'FULL', reason } });
});

test('an agent gets what they wrote to customers, not what customers wrote to them', async () => {
  const { document } = await documentOf(officer(), { user: company.agent });
  expect(document.data.messages).toEqual([]);
  expect(document.context.messages).toMatchObject([{ author: 'Agent Smith', body: 'we mend it' }]);
  expect(document.withheld).toContainEqual(
    expect.objectContaining({ category: 'messages', reason: 'RIGHTS_OF_OTHERS', count: 1 }),
  );
  const full = await documentOf(officer(), { user: company.agent, others: 'FULL', reason: 'a dispute' });
  expect(bodies(full.document.context.messages)).toEqual(['it broke', 'we mend it']);
});

test('who left a direct conversation gets nothing that was written afterwards', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'a' },
    { type: 'user', externalId: 'b' },
    {
      type: 'conversation',
      externalId: 'c',
      kind: 'DIRECT',
      participants: [{ user: 'a', leftAt: '2026-01-01T00:02:00Z' }, { user: 'b' }],
    },
    { type: 'message', externalId: 'm1', conversation: 'c', author: 'b', sentAt: '2026-01-01T00:01:00Z', body: 'before' },
    { type: 'message', externalId: 'm2', conversation: 'c', author: 'b', sentAt: '2026-01-01T00:03:00Z', body: 'after' },
  ]);
  const { document } = await documentOf(world.as({ tenant, role: 'PRIVACY_OFFICER' }), {
    user: await world.userId(tenant, app, 'a'),
  });
  expect(bodies(document.context.messages)).toEqual(['before']);
});

test('who left a group gets with their own token nothing that others wrote afterwards, until they came back; an officer may hand over what concerns them', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const minute = (n: number): string => `2026-01-01T00:0${n}:00Z`;
  const says = (externalId: string, author: string, n: number, more: object = {}): object => ({
    type: 'message',
    externalId,
    conversation: 'c',
    author,
    sentAt: minute(n),
    body: externalId,
    ...more,
  });
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'a' },
    { type: 'user', externalId: 'b' },
    {
      type: 'conversation',
      externalId: 'c',
      kind: 'PRIVATE_GROUP',
      participants: [{ user: 'a', leftAt: minute(3), joinedAt: minute(6) }, { user: 'b' }],
    },
    says('own', 'a', 1),
    says('answer', 'b', 2, { replyTo: 'own' }),
    says('late answer', 'b', 4, { replyTo: 'own' }),
    says('late mention', 'b', 5, { mentions: ['a'] }),
    says('answer to who is back', 'b', 7, { replyTo: 'own' }),
  ] as never);
  const user = await world.userId(tenant, app, 'a');
  const { data } = await world.as({ tenant, app, user })('{ myData }');
  expect(bodies(data.myData.context.messages)).toEqual(['answer', 'answer to who is back']);
  const officers = await documentOf(world.as({ tenant, role: 'PRIVACY_OFFICER' }), { user });
  expect(bodies(officers.document.context.messages)).toEqual(['answer', 'answer to who is back', 'late answer', 'late mention']);
});

test('the facts of Art. 15(1) are counted from what is held', async () => {
  const { document } = await documentOf(officer(), { user: company.ada });
  const { about, data } = document;
  expect(about.categories.map(({ category }: { category: string }) => category).sort()).toEqual(Object.keys(data).sort());
  for (const { category, count } of about.categories) expect([category, count]).toEqual([category, data[category].length]);
  expect(about.categories).toContainEqual(
    expect.objectContaining({ category: 'messages', oldest: '2026-01-01T00:01:00.000Z', newest: '2026-01-01T00:10:00.000Z' }),
  );
  expect(about.recipients).toEqual({ businessSystems: ['crm'], channels: ['whatsapp'] });
});

test('somebody who was erased is "erased user" in the packages of others, and their words are gone from them', async () => {
  const other = await brightwater(world);
  const ask = world.as({ tenant: other.tenant, role: 'PRIVACY_OFFICER' });
  const before = await documentOf(ask, { user: other.ada });
  const erased = await ask('mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id } }', { id: other.ben });
  expect(erased.codes).toEqual([]);
  expect((await finished(ask, before.request.id)).artefact.deletedAt).not.toBeNull();
  const { document, text } = await documentOf(ask, { user: other.ada });
  expect(bodies(document.data.messages)).toContain('I bought a bicycle from @erased user');
  expect(text).not.toMatch(/directly before|the whole of it|a reply to it/);
  await finished(ask, erased.data.eraseUser.id);
});
