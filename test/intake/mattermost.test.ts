import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { importMattermost } from '../../src/intake/mattermost.importer.ts';
import type { SourceEvent } from '../../src/intake/records.ts';
import { droppedIn, eventsOf, eventsOfKind, recordsOf, writeExport } from '../support/import-events.ts';

const jsonl = (...lines: unknown[]): string =>
  lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
const version = { type: 'version', version: 1 };
const team = { type: 'team', team: { name: 'bakery', display_name: 'Bakery', type: 'O' } };
const channel = (name: string, type = 'O') => ({
  type: 'channel',
  channel: { team: 'bakery', name, display_name: `The ${name}`, type },
});
const user = (username: string, more: object = {}) => ({
  type: 'user',
  user: { username, email: `${username}@bakery.test`, ...more },
});
const post = (by: string, message: string, more: object = {}) => ({
  type: 'post',
  post: {
    team: 'bakery',
    channel: 'oven',
    user: by,
    message,
    create_at: 1_600_000_000_000,
    reactions: null,
    replies: null,
    ...more,
  },
});
const directPost = (members: string[], by: string, message: string) => ({
  type: 'direct_post',
  direct_post: { channel_members: members, user: by, message, create_at: 1_600_000_000_001 },
});

async function read(lines: unknown[], files: Record<string, string> = {}): Promise<SourceEvent[]> {
  return eventsOf(importMattermost, await writeExport({ 'export.jsonl': jsonl(version, team, ...lines), ...files }));
}

const skips = (events: SourceEvent[]) => eventsOfKind(events, 'skipped');
const warnings = (events: SourceEvent[]) => eventsOfKind(events, 'warning');

describe('people', () => {
  test('a bot whose line cannot be held is held by its name, and what it said with it', async () => {
    const events = await read([
      channel('oven'),
      { type: 'bot', bot: { username: 'timer', display_name: 'x'.repeat(513) } },
      post('timer', 'Ding'),
    ]);
    expect(skips(events)).toMatchObject([{ what: 'team' }, { what: 'user' }]);
    expect(recordsOf(events, 'user')).toMatchObject([
      { externalId: 'timer', kind: 'BOT', profile: { handle: 'timer', displayName: 'timer' } },
    ]);
    expect(recordsOf(events, 'message')).toMatchObject([{ author: 'timer', kind: 'BOT', body: 'Ding' }]);
  });

  test('a user line becomes a person with profile and memberships; settings, secrets and copies of their name are left out and counted', async () => {
    const events = await read([
      channel('oven'),
      user('ada.b', {
        nickname: '',
        first_name: 'Ada',
        last_name: 'Brown',
        position: 'Baker',
        locale: 'en',
        roles: 'system_user',
        auth_data: 'secret-subject',
        password: 'hunter2',
        delete_at: 1_600_000_000_500,
        notify_props: { mention_keys: 'ada.b,@ada.b' },
        teams: [{ name: 'bakery', channels: [{ name: 'oven', roles: 'channel_admin channel_user' }, { name: 'gone' }] }],
      }),
      user('bo', { nickname: 'Bobo', teams: null }),
    ]);
    const [ada, bo] = recordsOf(events, 'user');
    expect(ada).toMatchObject({
      externalId: 'ada.b',
      kind: 'END_USER',
      deactivatedAt: '2020-09-13T12:26:40.500Z',
      profile: {
        handle: 'ada.b',
        displayName: 'Ada Brown',
        givenName: 'Ada',
        surname: 'Brown',
        title: 'Baker',
        locale: 'en',
        email: 'ada.b@bakery.test',
      },
    });
    expect(bo?.profile.displayName).toBe('Bobo');
    expect(recordsOf(events, 'participant')).toEqual([
      { type: 'participant', conversation: 'bakery/oven', user: 'ada.b', role: 'channel_admin channel_user' },
    ]);
    expect(droppedIn(events)).toEqual({ 'user.auth_data': 1, 'user.notify_props': 1, 'user.password': 1 });
    expect(JSON.stringify(events)).not.toMatch(/hunter2|secret-subject|@ada\.b"/);
    expect(skips(events)).toContainEqual(
      expect.objectContaining({ what: 'participant', reason: 'The export holds no such channel.' }),
    );
  });

  test('a bot line becomes a bot, and what it posts is the words of a bot', async () => {
    const events = await read([
      channel('oven'),
      user('ada'),
      { type: 'bot', bot: { username: 'timer', owner: 'ada', display_name: 'Timer', description: 'asks Ada' } },
      post('timer', 'Ding'),
    ]);
    expect(recordsOf(events, 'user')[1]).toMatchObject({ externalId: 'timer', kind: 'BOT', profile: { displayName: 'Timer' } });
    expect(recordsOf(events, 'message')[0]?.kind).toBe('BOT');
    expect(droppedIn(events)).toEqual({ 'bot.description': 1, 'bot.owner': 1 });
  });

  test('somebody without a user line is held by their username, with a warning, so that their words are not lost', async () => {
    const events = await read([channel('oven'), post('ghost', 'Boo')]);
    expect(events.map((event) => (event.kind === 'record' ? event.record.type : event.kind))).toEqual([
      'skipped',
      'conversation',
      'warning',
      'user',
      'message',
      'progress',
    ]);
  });
});

describe('posts', () => {
  test('a reply answers its post, and reactions, edits and pins stay', async () => {
    const reply = { user: 'bo', message: 'Yes', create_at: 1_600_000_000_900, edit_at: 1_600_000_001_000 };
    const reactions = [{ user: 'bo', emoji_name: 'bread', create_at: 1_600_000_000_200 }, { user: 'bo' }];
    const events = await read([
      channel('oven'),
      user('ada'),
      user('bo'),
      post('ada', 'Ready?', {
        is_pinned: true,
        props: { from_webhook: 'x' },
        flagged_by: ['bo'],
        reactions,
        replies: [reply, { user: 'bo' }],
      }),
    ]);
    const [first, second] = recordsOf(events, 'message');
    expect(first).toMatchObject({
      conversation: 'bakery/oven',
      author: 'ada',
      sentAt: '2020-09-13T12:26:40.000Z',
      kind: 'TEXT',
      metadata: { pinned: true },
      reactions: [{ user: 'bo', emoji: 'bread', reactedAt: '2020-09-13T12:26:40.200Z' }],
    });
    expect(second).toMatchObject({ author: 'bo', replyTo: first?.externalId, editedAt: '2020-09-13T12:26:41.000Z' });
    expect(skips(events).map(({ what }) => what)).toEqual(['team', 'reaction', 'reply']);
    expect(droppedIn(events)).toEqual({ 'post.flagged_by': 1, 'post.props': 1 });
  });

  test('posts of one person in the same millisecond get different ids, the same ones at every run, which say neither name nor text', async () => {
    const lines = [channel('oven'), user('ada'), user('bo'), post('ada', 'one'), post('ada', 'two'), post('bo', 'three')];
    const ids = recordsOf(await read(lines), 'message').map((message) => message.externalId);
    expect(new Set(ids).size).toBe(3);
    expect(ids.every((id) => /^1600000000000-[0-9a-f]{16}$/.test(id))).toBe(true);
    const edited = lines.map((line) => JSON.parse(JSON.stringify(line).replace('one', 'changed')) as unknown);
    expect(recordsOf(await read(edited), 'message').map((message) => message.externalId)).toEqual(ids);
  });

  test.each([
    ['Thanks @ada.b.', 'Thanks <@ada.b>.', ['ada.b']],
    ['@Bo, @bo- and @channel', '<@bo>, <@bo>- and @channel', ['bo']],
    ['write to me@bo.test or @nobody', 'write to me@bo.test or @nobody', []],
    ['(@bo)@bo', '(<@bo>)<@bo>', ['bo']],
  ])('of "%s", only the names of known people become mentions', async (message, body, mentions) => {
    const events = await read([channel('oven'), user('ada.b'), user('bo'), post('bo', message)]);
    expect(recordsOf(events, 'message')[0]).toMatchObject({ body, mentions });
  });

  test('an attachment brings its content out of data/, and is held without it, with a warning, where it is not there', async () => {
    const inside = '20200913/teams/t/channels/c/users/u/abcdefghijklmnopqrstuvwxyz/ada with bread.jpg';
    const attachments = [{ path: inside }, { path: 'elsewhere/cake.jpg' }, { path: '../export.jsonl' }];
    const events = await read([channel('oven'), user('ada'), post('ada', 'Look', { attachments })], {
      [`data/${inside}`]: 'pixels',
    });
    const event = events.find((each) => each.kind === 'record' && each.record.type === 'message');
    const [held, missing, outside] = recordsOf(events, 'message')[0]?.attachments ?? [];
    expect(held).toEqual({ externalId: 'abcdefghijklmnopqrstuvwxyz', name: 'ada with bread.jpg', size: 6 });
    expect(missing).toEqual({ externalId: expect.stringMatching(/^[0-9a-f]{32}$/), name: 'cake.jpg' });
    expect(outside).not.toHaveProperty('size');
    const content = event?.kind === 'record' ? event.content : undefined;
    expect([...(content?.keys() ?? [])]).toEqual(['abcdefghijklmnopqrstuvwxyz']);
    const open = content?.get('abcdefghijklmnopqrstuvwxyz');
    expect(open && (await text(await open()))).toBe('pixels');
    expect(warnings(events)).toHaveLength(2);
  });

  test('a NUL in a text is replaced, with a warning that names file and line', async () => {
    const events = await read([channel('oven'), user('ada'), post('ada', 'a\0b')]);
    expect(recordsOf(events, 'message')[0]?.body).toBe('a\uFFFDb');
    expect(warnings(events)).toEqual([expect.objectContaining({ at: { file: 'export.jsonl', line: 5 } })]);
  });
});

describe('direct channels', () => {
  test('a direct channel is a hash of its members, whatever their order, and has no name', async () => {
    const events = await read([
      user('ada'),
      user('bo'),
      user('cy'),
      { type: 'direct_channel', direct_channel: { members: ['bo', 'ada'], header: 'Ada and Bo', favorited_by: ['ada'] } },
      { type: 'direct_channel', direct_channel: { members: ['ada', 'bo', 'cy'], favorited_by: null } },
      directPost(['ada', 'bo'], 'ada', 'psst'),
    ]);
    const [two, three] = recordsOf(events, 'conversation');
    expect(two).toMatchObject({ kind: 'DIRECT', participants: [{ user: 'bo' }, { user: 'ada' }] });
    expect(two?.externalId).toMatch(/^dm:[0-9a-f]{64}$/);
    expect(two).not.toHaveProperty('name');
    expect(three?.kind).toBe('PRIVATE_GROUP');
    expect(recordsOf(events, 'message')[0]?.conversation).toBe(two?.externalId);
    expect(droppedIn(events)).toEqual({ 'direct_channel.favorited_by': 1, 'direct_channel.header': 1 });
    expect(warnings(events)).toEqual([]);
  });

  test('a direct post whose members have no direct channel makes it, with a warning', async () => {
    const events = await read([
      user('ada'),
      user('bo'),
      directPost(['ada', 'bo'], 'bo', 'psst'),
      directPost(['bo', 'ada'], 'ada', 'what?'),
    ]);
    expect(recordsOf(events, 'conversation')).toHaveLength(1);
    expect(warnings(events)).toEqual([expect.objectContaining({ at: { file: 'export.jsonl', line: 5 } })]);
  });
});

describe('what is wrong with a file', () => {
  test('a malformed line, an unknown type and a post without a channel are skipped with file and line, and the rest is taken over', async () => {
    const events = await read([
      channel('oven'),
      '{"type":',
      user('ada'),
      { type: 'hologram' },
      post('ada', 'Hi', { channel: 'gone' }),
      post('ada', 'Hi'),
    ]);
    expect(skips(events).map(({ at, what }) => [at.line, what])).toEqual([
      [2, 'team'],
      [4, 'line'],
      [6, 'hologram'],
      [7, 'post'],
    ]);
    expect(recordsOf(events, 'message')).toHaveLength(1);
  });

  test.each([
    ['no version line', jsonl(team), 'export.jsonl:1: there is no version line'],
    ['an empty file', '', 'export.jsonl:1: there is no version line'],
    ['a version that is not known', jsonl({ type: 'version', version: 2 }), 'export.jsonl:1: only version 1'],
  ])('%s is refused', async (_, content, message) => {
    const folder = await writeExport({ 'export.jsonl': content });
    await expect(eventsOf(importMattermost, folder)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(message),
    });
  });

  test('a folder without a JSONL file, and one with two, are refused', async () => {
    await expect(eventsOf(importMattermost, await writeExport({ 'a.txt': '' }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    const two = await writeExport({ 'a.jsonl': '', 'b.jsonl': '' });
    await expect(eventsOf(importMattermost, two)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
