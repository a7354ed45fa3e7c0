import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CallKind, ConversationKind, Direction, IdentifierType, MessageKind, UserKind } from '../../src/data/kinds.ts';
import { HOLDINGS } from '../../src/data/holdings.ts';
import {
  CALL_KINDS,
  CONVERSATION_KINDS,
  DIRECTIONS,
  IDENTIFIER_TYPES,
  MESSAGE_KINDS,
  USER_KINDS,
} from '../../src/intake/records.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { settle, type Town } from './town.ts';

let world: World;
let town: Town;
let officer: Ask;
beforeAll(async () => {
  world = await openWorld({ work: false });
  town = await settle(world);
  officer = world.as({ tenant: town.tenant, role: 'PRIVACY_OFFICER' });
});
afterAll(() => world.close());

const FIND = `query ($type: IdentifierType!, $value: String!) { findSubject(type: $type, value: $value) { ambiguous matches { verified verifiedAt user { id } } } }`;

describe('finding a data subject', () => {
  test.each([
    ['EMAIL', ' ADA@example.ORG ', true],
    ['EXTERNAL_ID', 'ada', false],
    ['NAME', 'Ada   Display', false],
    ['NAME', 'ada-given ada-surname', false],
    ['TWITTER', '@Ada-Channel', false],
  ])('%s %j names Ada; verified: %s', async (type, value, verified) => {
    const { data, codes } = await officer(FIND, { type, value });
    expect(codes).toEqual([]);
    expect(data.findSubject).toMatchObject({ ambiguous: false, matches: [{ verified, user: { id: town.ada } }] });
  });

  test('an identifier of several people is ambiguous, verified or not', async () => {
    const { data } = await officer(FIND, { type: 'PHONE', value: '00 1555' });
    expect(data.findSubject).toMatchObject({ ambiguous: true });
    expect(data.findSubject.matches).toHaveLength(5);
  });

  test('a part of a value, another type, another tenant or another app find nobody', async () => {
    const nobody = { findSubject: { ambiguous: false, matches: [] } };
    expect((await officer(FIND, { type: 'EMAIL', value: 'ada@example' })).data).toEqual(nobody);
    expect((await officer(FIND, { type: 'TWITTER', value: 'ada@example.org' })).data).toEqual(nobody);
    const other = await world.tenant();
    expect(
      (await world.as({ tenant: other, role: 'PRIVACY_OFFICER' })(FIND, { type: 'EMAIL', value: 'ada@example.org' })).data,
    ).toEqual(nobody);
    const app = await world.app(town.tenant, 'Other');
    expect((await world.as({ tenant: town.tenant, app })(FIND, { type: 'EMAIL', value: 'ada@example.org' })).data).toEqual(
      nobody,
    );
  });

  test.each([
    ['EMAIL', ' '],
    ['PHONE', 'call me'],
    ['EXTERNAL_ID', ''],
    ['NAME', 'x'.repeat(513)],
  ])('%s %j holds nothing to be compared, or too much', async (type, value) => {
    expect((await officer(FIND, { type, value })).codes).toEqual(['INVALID_INPUT']);
  });

  test('needs rights:read', async () => {
    expect(
      (await world.as({ tenant: town.tenant, role: 'AUDITOR' })(FIND, { type: 'EMAIL', value: 'ada@example.org' })).codes,
    ).toEqual(['FORBIDDEN']);
  });
});

test('what is held lists every category of the holdings, empty ones too', async () => {
  const { data } = await officer('query ($id: ID) { whatIsHeld(userId: $id) { category description count oldest newest } }', {
    id: town.eve,
  });
  expect(data.whatIsHeld.map(({ category }: { category: string }) => category)).toEqual(HOLDINGS.map(({ category }) => category));
  expect(data.whatIsHeld).toContainEqual(
    expect.objectContaining({ category: 'deliveries', count: 0, oldest: null, newest: null }),
  );
  expect(data.whatIsHeld).toContainEqual(
    expect.objectContaining({ category: 'messages', count: 1, oldest: '2026-01-01T00:16:00.000Z' }),
  );
});

test('the schema knows the kinds that intake takes', () => {
  expect(
    [UserKind, IdentifierType, ConversationKind, MessageKind, Direction, CallKind].map((kinds) => Object.keys(kinds)),
  ).toEqual([USER_KINDS, IDENTIFIER_TYPES, CONVERSATION_KINDS, MESSAGE_KINDS, DIRECTIONS, CALL_KINDS].map((kinds) => [...kinds]));
});

test('the policy of every table that is read in pages lets the planner expect rows to pass it', async () => {
  const policies = await world.sql(
    "select tablename, qual from pg_policies where schemaname = 'public' and tablename = any ($1)",
    [HOLDINGS.map(({ table }) => table)],
  );
  expect(policies).toHaveLength(HOLDINGS.length);
  for (const { tablename, qual } of policies)
    expect({ tablename, qual }).toMatchObject({ qual: expect.stringContaining('CASE') });
});

describe('the audit log', () => {
  const entries = async (act: string): Promise<{ targets: Record<string, unknown>; actor_user: string | null }[]> =>
    (await world.sql('select targets, actor_user from audit_entries where tenant_id = $1 and act = $2 order by id', [
      town.tenant,
      act,
    ])) as never;

  test('says who read whose messages, and where, by ids and counts', async () => {
    await world.as({ tenant: town.tenant, app: town.app, user: town.ada })(
      'query ($id: ID!) { messages(conversationId: $id) { edges { node { body } } } }',
      { id: town.group },
    );
    const entry = (await entries('message.read')).at(-1)!;
    expect(entry.actor_user).toBe(town.ada);
    expect(entry.targets).toEqual({
      count: 3,
      conversations: [town.group],
      subjects: expect.arrayContaining([town.ada, town.ben]),
    });
  });

  test('says that somebody was searched for, and never by what', async () => {
    await officer(FIND, { type: 'EMAIL', value: 'eve@example.org' });
    expect((await entries('subject.searched')).at(-1)!.targets).toEqual({ count: 1, users: [town.eve] });
    expect(JSON.stringify(await world.sql('select body from audit_entries where tenant_id = $1', [town.tenant]))).not.toMatch(
      /example\.org|display|TICKET/,
    );
  });
});

describe('sealed values', () => {
  const READ = 'query ($id: ID!) { message(id: $id) { body author { displayName erased } mentions { erased } } }';

  test('one that was moved to another row is not shown, and the rest is', async () => {
    await world.sql(
      'update messages m set body = o.body from messages o where m.tenant_id = $1 and m.external_id = $2 and o.tenant_id = $1 and o.external_id = $3',
      [town.tenant, 'p2', 'p1'],
    );
    const { data, codes, messages } = await officer(READ, { id: town.messages['p2'] });
    expect(codes).toEqual(['INTERNAL_SERVER_ERROR']);
    expect(messages[0]).not.toMatch(/messages\.body/);
    expect(data.message).toMatchObject({ body: null, author: { displayName: 'cat display' } });
  });

  test('a name that was tampered with hides nobody else’s', async () => {
    await world.sql('update users u set profile = o.profile from users o where u.id = $1 and o.id = $2', [town.leo, town.eve]);
    const { data, codes } = await officer(
      'query ($id: ID!) { conversation(id: $id) { participants { edges { node { role person { displayName } } } } } }',
      { id: town.group },
    );
    expect(codes).toEqual(['INTERNAL_SERVER_ERROR']);
    const names = data.conversation.participants.edges.map(
      ({ node }: { node: { person: { displayName: string | null } } }) => node.person.displayName,
    );
    expect(names.toSorted()).toEqual(['ada display', 'ben display', 'cat display', null]);
  });

  test('those of a destroyed key read as nothing, and their person as erased', async () => {
    await world.sql('delete from keys.subject_keys where tenant_id = $1 and subject_id = $2', [town.tenant, town.ada]);
    world.system.keys.cache.forget(town.tenant);
    const own = await officer(READ, { id: town.messages['g2'] });
    expect(own).toMatchObject({ codes: [], data: { message: { body: null, author: { displayName: null, erased: true } } } });
    const mention = await officer(READ, { id: town.messages['g1'] });
    expect(mention.data.message).toMatchObject({ body: 'before @erased user', mentions: [{ erased: true }] });
    const user = await officer(
      'query ($id: ID!) { user(id: $id) { externalId profile { email } metadata identifiers { value } channels { raw } businessLinks { edges { node { reference } } } } }',
      { id: town.ada },
    );
    expect(user.codes).toEqual([]);
    expect(user.data.user).toMatchObject({
      externalId: null,
      profile: null,
      metadata: null,
      channels: [{ raw: null }],
      businessLinks: { edges: [{ node: { reference: null } }] },
    });
  });
});
