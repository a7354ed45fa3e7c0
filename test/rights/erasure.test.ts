import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ERASED_MENTION, renderMentions } from '../../src/data/mention.ts';
import { openWorld, type World } from '../support/world.ts';
import { ADA, ADA_WORDS, ERASE_USER, finished, leaveExport, tell, type Story } from './erasure.support.ts';
import { readable, tablesWith, wordsIn } from './erasure.traces.ts';

let world: World;
let story: Story;
let elsewhere: Story;
let request: Record<string, unknown>;
let before: Awaited<ReturnType<typeof readable>>;
let elsewhereBefore: Awaited<ReturnType<typeof readable>>;
let herExport: string;
let bensExport: string;
let otherExport: string;
let personal: string;

beforeAll(async () => {
  world = await openWorld();
  const tenant = await world.tenant();
  story = await tell(world, tenant, await world.app(tenant));
  // The same person on another app of the tenant, and with another tenant, is not asked about.
  elsewhere = await tell(world, tenant, await world.app(tenant, 'Second'));
  herExport = await leaveExport(world, story, [story.ada]);
  bensExport = await leaveExport(world, story, [story.ben, story.ada]);
  otherExport = await leaveExport(world, story, [story.gus]);
  personal = (await world.sql('select id from conversations where subject_id = $1', [story.ada]))[0]!['id'] as string;
  before = await readable(world, tenant);
  elsewhereBefore = new Map([...before].filter(([, value]) => value.owner === elsewhere.ada));
  expect(elsewhereBefore.size).toBeGreaterThan(5);
  const answer = await world.as({ tenant, role: 'PRIVACY_OFFICER' })(ERASE_USER, {
    user: story.ada,
    deep: true,
    note: 'asked by letter',
  });
  expect(answer.codes).toEqual([]);
  expect(answer.data.eraseUser).toMatchObject({
    status: 'SCHEDULED',
    subjectId: story.ada,
    ground: 'CONSENT_WITHDRAWN',
    unreadableAt: expect.any(String),
  });
  request = await finished(world, answer.data.eraseUser.id);
});
afterAll(() => world.close());

test('the request says what went, and the scan found nothing', () => {
  expect(request).toMatchObject({ status: 'COMPLETED', error: null, needles: null, residual: { total: 0, findings: [] } });
  expect(request['counts']).toMatchObject({
    messages: 6,
    tombstones: 1,
    attachments: 1,
    reactions: 2,
    mentions: 1,
    deliveries: 1,
    businessLinks: 1,
    channels: 1,
    profile: 1,
    exports: 2,
    identifiers: expect.any(Number),
  });
  expect(request['done']).toBe(request['total']);
});

test('their UUID stays in evidence only', async () => {
  const tables = (await tablesWith(world, story.ada)).filter((table) => !table.startsWith('jobs.'));
  expect(new Set(tables)).toEqual(new Set(['public.requests', 'public.erasures', 'public.artefacts', 'public.audit_entries']));
});

test('the key of the person, of their personal conversation, of their exports and of the scan are destroyed', async () => {
  const ids = [story.ada, personal, herExport, bensExport, request['id']];
  expect(await world.sql('select 1 from keys.subject_keys where subject_id = any ($1)', [ids])).toEqual([]);
});

test('whatever others hold opens to the same text, byte for byte', async () => {
  const after = await readable(world, story.tenant);
  const gone = [...before].filter(([name]) => !after.has(name));
  expect(new Set(gone.map(([, value]) => value.owner))).toEqual(new Set([story.ada, personal]));
  for (const [name, value] of after) expect([name, value]).toEqual([name, before.get(name)]);
});

test('the same person elsewhere is untouched', async () => {
  const after = await readable(world, story.tenant);
  expect(new Map([...after].filter(([, value]) => value.owner === elsewhere.ada))).toEqual(elsewhereBefore);
});

test('an answered message keeps its place without author and text; one that nobody else answered goes', async () => {
  const rows = await world.sql(
    `select external_id, kind, author_id, subject_id, body, deleted_at is not null as gone from messages where app_id = $1 order by external_id`,
    [story.app],
  );
  expect(rows.map((row) => row['external_id'])).toEqual(['d2', 'g1', 'g2', 'g4']);
  expect(rows[1]).toEqual({ external_id: 'g1', kind: 'TOMBSTONE', author_id: null, subject_id: null, body: null, gone: true });
  const [reply] = await world.sql(
    `select p.external_id from messages m join messages p on p.id = m.reply_to_id where m.app_id = $1 and m.external_id = 'g2'`,
    [story.app],
  );
  expect(reply).toEqual({ external_id: 'g1' });
});

test('where they were mentioned it reads "erased user"', async () => {
  const [row] = await world.sql(`select id from messages where app_id = $1 and external_id = 'g2'`, [story.app]);
  const body = (await readable(world, story.tenant)).get(`messages.body/${row!['id'] as string}`)!.text;
  expect(renderMentions(body, () => ERASED_MENTION)).toBe('an answer for @erased user');
});

test('a call stays in the record of the other one, without the person', async () => {
  const rows = await world.sql(
    'select c.external_id, c.initiator_id, p.user_id from calls c left join call_participants p on p.call_id = c.id where c.app_id = $1',
    [story.app],
  );
  expect(rows).toEqual([{ external_id: 'k1', initiator_id: null, user_id: story.ben }]);
});

test('files go from the store: of messages, and of exports that hold the person', async () => {
  const files: string[] = [];
  for await (const name of world.system.files.list(story.tenant)) files.push(name);
  const stored = (await world.sql('select id from attachments where stored and tenant_id = $1', [story.tenant])).map(
    ({ id }) => `${story.tenant}/attachments/${id as string}`,
  );
  expect(files.filter((name) => name.includes('/attachments/')).sort()).toEqual(stored.sort());
  expect(stored).toHaveLength(3);
  expect(files.filter((name) => name.includes('/artefacts/'))).toEqual([`${story.tenant}/artefacts/${otherExport}`]);
  expect(await world.sql('select 1 from doomed_files')).toEqual([]);
});

test("the deep form lists other people's own words about them, by id only", async () => {
  const [g4] = await world.sql(`select id, conversation_id from messages where app_id = $1 and external_id = 'g4'`, [story.app]);
  expect(request['residual']).toMatchObject({
    mentions: { count: 1, messages: [{ messageId: g4!['id'], conversationId: g4!['conversation_id'] }] },
  });
});

test('the request shows what the scan found through the API', async () => {
  const answer = await world.as({ tenant: story.tenant, role: 'LEGAL_APPROVER' })(
    'query ($id: ID!) { request(id: $id) { status counts { name count } residual { total findings { place kind count } scannedAt } mentionsInFreeText { count messages { messageId conversationId } } } }',
    { id: request['id'] },
  );
  expect(answer.codes).toEqual([]);
  expect(answer.data.request).toMatchObject({
    status: 'COMPLETED',
    residual: { total: 0, findings: [], scannedAt: expect.any(String) },
    mentionsInFreeText: { count: 1 },
  });
  expect(answer.data.request.counts).toContainEqual({ name: 'tombstones', count: 1 });
});

test('the certificate holds counts, times and the entries of the audit log, and is signed', async () => {
  const { createPublicKey, verify } = await import('node:crypto');
  const ask = world.as({ tenant: story.tenant, role: 'LEGAL_APPROVER' });
  const answer = await ask('query ($id: ID!) { erasureCertificate(requestId: $id) { text signature keyId publicKey } }', {
    id: request['id'],
  });
  expect(answer.codes).toEqual([]);
  const { text, signature, publicKey } = answer.data.erasureCertificate;
  expect(verify(null, Buffer.from(text), createPublicKey(publicKey), Buffer.from(signature, 'base64'))).toBe(true);
  const certificate = JSON.parse(text);
  expect(certificate).toMatchObject({
    subject: story.ada,
    target: 'USER',
    ground: 'CONSENT_WITHDRAWN',
    residual: { total: 0 },
    mentionsInFreeText: 1,
  });
  const entries = await world.sql('select act from audit_entries where id = any ($1) order by id', [certificate.auditEntries]);
  expect(entries).toEqual([{ act: 'erasure.requested' }, { act: 'erasure.completed' }]);
});

describe('fed in again', () => {
  test('the same records do not bring them back', async () => {
    const countRows = () =>
      world.sql(
        `select (select count(*) from users where app_id = $1)::int as users, (select count(*) from messages where app_id = $1)::int as messages`,
        [story.app],
      );
    const held = await countRows();
    await expect(tell(world, story.tenant, story.app)).rejects.toThrow('no user');
    expect(await countRows()).toEqual(held);
    expect(
      await world.sql('select 1 from reactions r join messages m on m.id = r.message_id where m.app_id = $1', [story.app]),
    ).toEqual([]);
  });

  test('and, once they are erased elsewhere too, nothing they were known by is anywhere in the database', async () => {
    const answer = await world.as({ tenant: story.tenant, role: 'PRIVACY_OFFICER' })(ERASE_USER, { user: elsewhere.ada });
    expect(await finished(world, answer.data.eraseUser.id)).toMatchObject({ status: 'COMPLETED' });
    expect(await wordsIn(world, ADA_WORDS)).toEqual([]);
    expect(ADA.names).toContain('Quillfeather');
  });
});
