import { afterEach, describe, expect, test } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { SourceEvent } from '../../src/intake/records.ts';
import { importSlack } from '../../src/intake/slack.importer.ts';
import { droppedIn, eventsOf, eventsOfKind, recordsOf, writeExport } from '../support/import-events.ts';
import { zipOf } from '../support/zip-of.ts';

const ADA = 'U0000ADA1';
const BEN = 'U0000BEN1';
const CLEO = 'U000CLEO1';
const users = [
  {
    id: ADA,
    name: 'ada',
    deleted: true,
    tz: 'Europe/London',
    is_admin: true,
    profile: {
      real_name: 'Ada Byron',
      display_name: 'Countess',
      email: 'ada@example.org',
      phone: '+44 1',
      title: 'Analyst',
      skype: 'ada.b',
      image_192: 'https://a.example/a.png?token=1',
    },
  },
  {
    id: BEN,
    name: 'ben',
    profile: {
      first_name: 'Ben',
      last_name: 'Stone',
      real_name: 'Ben Stone',
      status_text: 'away',
      fields: { Xf1: { value: 'x' } },
    },
  },
];
const general = {
  id: 'C0GENERAL',
  name: 'general',
  created: '1600000000',
  creator: ADA,
  members: [ADA, BEN],
  topic: { value: 'all', creator: ADA },
};
const day = (...messages: unknown[]) => ({
  'users.json': users,
  'channels.json': [general],
  'general/2020-11-05.json': messages,
});
const said = (ts: string, more: object = {}) => ({ type: 'message', user: ADA, text: 'hello', ts, ...more });

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

async function imported(files: Record<string, unknown>): Promise<SourceEvent[]> {
  const folder = await writeExport(files);
  folders.push(folder);
  return eventsOf(importSlack, folder);
}
const messagesOf = async (...messages: unknown[]) => recordsOf(await imported(day(...messages)), 'message');

describe('people', () => {
  test('are read with their profile, in our words, and without credentials', async () => {
    const [ada, ben] = recordsOf(await imported(day()), 'user');
    expect(ada).toMatchObject({
      externalId: ADA,
      kind: 'END_USER',
      profile: {
        givenName: 'Ada Byron',
        displayName: 'Countess',
        handle: 'ada',
        email: 'ada@example.org',
        phone: '+44 1',
        title: 'Analyst',
        timezone: 'Europe/London',
        avatarUrl: 'https://a.example/a.png',
      },
      metadata: { deleted: true, isAdmin: true },
      channels: [{ channel: 'skype', externalId: 'ada.b' }],
    });
    expect(ben?.profile).toEqual({ givenName: 'Ben', surname: 'Stone', displayName: 'Ben Stone', handle: 'ben' });
  });

  test('who are named without an entry are introduced before, by what their own message says, with a warning', async () => {
    const events = await imported(
      day(
        said('1.000001', { user: CLEO, user_profile: { real_name: 'Cleo', name: 'cleo' } }),
        said('2.000001', { text: 'hi <@U00000DAN>', reactions: [{ name: 'tada', count: 2, users: ['U00000EVE', ADA] }] }),
        said('3.000001', { user: 'USLACKBOT' }),
      ),
    );
    expect(recordsOf(events, 'user').slice(2)).toMatchObject([
      { externalId: CLEO, profile: { displayName: 'Cleo', handle: 'cleo' } },
      { externalId: 'U00000DAN', profile: {} },
      { externalId: 'U00000EVE', profile: {} },
      { externalId: 'USLACKBOT', kind: 'BOT' },
    ]);
    expect(eventsOfKind(events, 'warning')).toHaveLength(4);
    const order = events.flatMap((event) => (event.kind === 'record' ? [event.record.type] : []));
    expect(order).toEqual(['user', 'user', 'conversation', 'user', 'message', 'user', 'user', 'message', 'user', 'message']);
  });

  test('are missing altogether: the import is refused by the name of the file', async () => {
    await expect(imported({ 'channels.json': [] })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('users.json is missing'),
    });
    await expect(imported({ 'users.json': '[{"id": }]' })).rejects.toMatchObject({
      message: 'users.json is not valid JSON at line 1, column 9.',
    });
  });

  test('of an Enterprise Grid are read from org_users.json; a second entry of an id is skipped', async () => {
    const events = await imported({ 'org_users.json': [users[0], users[0], { name: 'nobody' }] });
    expect(recordsOf(events, 'user')).toHaveLength(1);
    expect(eventsOfKind(events, 'skipped')).toMatchObject([
      { at: { file: 'org_users.json', item: 2 }, reason: 'a second entry of the same id' },
      { at: { file: 'org_users.json', item: 3 }, reason: 'it has no id' },
    ]);
  });
});

describe('conversations', () => {
  test('are of their list; group direct messages keep no name made of people', async () => {
    const events = await imported({
      'users.json': users,
      'channels.json': [general],
      'groups.json': [{ id: 'G00SECRET', name: 'secret', created: 1600000000, members: [ADA] }],
      'mpims.json': [{ id: 'G0000MPIM', name: 'mpdm-ada--ben-1', members: [ADA, BEN] }],
      'dms.json': [{ id: 'D00000001', members: [ADA, BEN] }],
      'mpdm-ada--ben-1/2020-11-05.json': [said('1.000001'), 'junk'],
      'D00000001/2020-11-05.json': [said('1.000001')],
    });
    expect(recordsOf(events, 'conversation')).toMatchObject([
      {
        externalId: 'C0GENERAL',
        kind: 'PUBLIC_GROUP',
        name: 'general',
        createdAt: '2020-09-13T12:26:40.000Z',
        participants: [{ user: ADA }, { user: BEN }],
      },
      { externalId: 'G00SECRET', kind: 'PRIVATE_GROUP', name: 'secret' },
      { externalId: 'G0000MPIM', kind: 'PRIVATE_GROUP', participants: [{ user: ADA }, { user: BEN }] },
      { externalId: 'D00000001', kind: 'DIRECT' },
    ]);
    expect(recordsOf(events, 'message').map((message) => message.conversation)).toEqual(['D00000001', 'G0000MPIM']);
    expect(JSON.stringify(events)).not.toContain('mpdm-');
  });

  test('that only a folder tells of are taken over with a warning', async () => {
    const events = await imported({
      ...day(),
      'old-name/2020-11-05.json': [said('1.000001')],
      'D0000LOST/2020-11-05.json': [said('1.000001')],
      'mpdm-ada--cleo-1/2020-11-05.json': [said('1.000001')],
    });
    const [, direct, group, old] = recordsOf(events, 'conversation');
    expect(direct).toMatchObject({ externalId: 'D0000LOST', kind: 'DIRECT' });
    expect(group?.externalId).toMatch(/^folder:mpdm-[0-9a-f]{16}$/);
    expect(group?.name).toBeUndefined();
    expect(old).toMatchObject({ externalId: 'folder:old-name', kind: 'PUBLIC_GROUP', name: 'old-name' });
    expect(eventsOfKind(events, 'warning').map((event) => event.at.file)).toContain('old-name/');
  });

  test('that are archived say when: by the message that tells it, else by the last one, with a warning', async () => {
    const archived = (id: string, name: string) => ({ ...general, id, name, is_archived: true });
    const events = await imported({
      'users.json': users,
      'channels.json': [archived('C00000001', 'told'), archived('C00000002', 'untold')],
      'told/2020-11-04.json': [said('1604487208.000001')],
      'told/2020-11-05.json': [
        said('1604573608.000001', { subtype: 'channel_archive' }),
        said('1604573609.000001', { subtype: 'bot_remove' }),
      ],
      'untold/2020-11-05.json': [said('1604573609.000001')],
    });
    expect(recordsOf(events, 'conversation').map((each) => each.archivedAt)).toEqual([
      '2020-11-05T10:53:28.000Z',
      '2020-11-05T10:53:29.000Z',
    ]);
    expect(eventsOfKind(events, 'warning')).toMatchObject([{ at: { file: 'channels.json', item: 2 } }]);
  });

  test('learn when a present member joined, and not of one who is gone', async () => {
    const events = await imported(
      day(
        said('1604573608.000001', { subtype: 'channel_join' }),
        said('1604573609.000001', { subtype: 'channel_join', user: CLEO }),
      ),
    );
    expect(recordsOf(events, 'participant')).toEqual([
      { type: 'participant', conversation: 'C0GENERAL', user: ADA, joinedAt: '2020-11-05T10:53:28.000Z' },
    ]);
  });
});

describe('messages', () => {
  test('keep their ts as their id, exactly, and their place in a thread', async () => {
    const [parent, reply] = await messagesOf(
      said('1604573608.000200', { thread_ts: '1604573608.000200', reply_users: [BEN], replies: [{ user: BEN, ts: '1' }] }),
      said('1604573609.000100', {
        thread_ts: '1604573608.000200',
        parent_user_id: ADA,
        edited: { user: ADA, ts: '1604573700.000000' },
      }),
    );
    expect(parent).toMatchObject({
      externalId: '1604573608.000200',
      sentAt: '2020-11-05T10:53:28.000Z',
      kind: 'TEXT',
      author: ADA,
    });
    expect(parent?.replyTo).toBeUndefined();
    expect(reply).toMatchObject({ replyTo: '1604573608.000200', editedAt: '2020-11-05T10:55:00.000Z' });
  });

  test.each([
    ['me_message', 'ACTION'],
    ['file_share', 'FILE'],
    ['file_comment', 'COMMENT'],
    ['bot_message', 'BOT'],
    ['tombstone', 'TOMBSTONE'],
    ['thread_broadcast', 'TEXT'],
    ['channel_join', 'SYSTEM'],
    ['invented_next_year', 'SYSTEM'],
  ])('of subtype %s are of kind %s and keep their text', async (subtype, kind) => {
    expect(await messagesOf(said('1.000001', { subtype }))).toMatchObject([{ kind, body: 'hello', metadata: { subtype } }]);
  });

  test('leave the copies of other people behind, and count them', async () => {
    const secret = 'COPIED-WORDS';
    const events = await imported(
      day(
        said('1.000001', {
          subtype: 'thread_broadcast',
          user_profile: { real_name: secret },
          root: { text: secret },
          blocks: [{ type: 'rich_text', text: secret }],
          attachments: [
            { from_url: 'https://x.example', author_name: secret, text: secret },
            { is_msg_unfurl: true, text: secret },
          ],
          inviter: secret,
          pinned_to: ['C0GENERAL'],
          topic: secret,
          members: [secret],
          username: secret,
        }),
      ),
    );
    expect(JSON.stringify(events)).not.toContain(secret);
    expect(recordsOf(events, 'message')[0]?.metadata).toEqual({ subtype: 'thread_broadcast', pinned: true });
    expect(droppedIn(events)).toMatchObject({
      'profile copied into a message': 1,
      'parent copied into a reply': 1,
      'preview of a link or of a message': 2,
    });
  });

  test('of integrations have an author of their own, and their cards as text', async () => {
    const card = {
      pretext: 'Build <https://ci.example|42>',
      title: 'Done',
      text: '*ok* &amp; fast',
      fields: [{ title: 'By', value: 'ci' }],
    };
    const events = await imported(
      day(
        {
          type: 'message',
          subtype: 'bot_message',
          ts: '1.000001',
          text: '',
          bot_id: 'B01',
          bot_profile: { name: 'Builder' },
          attachments: [card],
        },
        {
          type: 'message',
          subtype: 'bot_message',
          ts: '2.000001',
          text: '',
          bot_id: 'B01',
          attachments: [{ fallback: 'only this' }],
        },
        { type: 'message', subtype: 'bot_message', ts: '3.000001', text: 'from a hook', username: 'hook' },
        {
          type: 'message',
          subtype: 'bot_message',
          ts: '4.000001',
          bot_id: 'B01',
          blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'in a block' } }],
        },
      ),
    );
    expect(recordsOf(events, 'user').slice(2)).toMatchObject([
      { externalId: 'bot:B01', kind: 'BOT', profile: { displayName: 'Builder' } },
      { externalId: 'bot:hook', kind: 'BOT' },
    ]);
    expect(recordsOf(events, 'message').map((message) => [message.author, message.body])).toEqual([
      ['bot:B01', 'Build 42 (https://ci.example)\nDone\n*ok* & fast\nBy: ci'],
      ['bot:B01', 'only this'],
      ['bot:hook', 'from a hook'],
      ['bot:B01', 'in a block'],
    ]);
  });

  test('carry files without credentials, once each, and say how many are gone', async () => {
    const file = {
      id: 'F1',
      name: 'a.png',
      mimetype: 'image/png',
      size: 7,
      user: BEN,
      url_private: 'https://files.slack.com/F1/a.png?t=xoxe-1',
      permalink: 'https://acme.slack.com/files/ben/F1/a.png',
    };
    const [message] = await messagesOf(
      said('1.000001', { files: [file, file, { id: 'F2', mode: 'tombstone' }, { mode: 'hosted' }] }),
    );
    expect(message?.attachments).toEqual([
      {
        externalId: 'F1',
        name: 'a.png',
        contentType: 'image/png',
        size: 7,
        uploader: BEN,
        url: 'https://files.slack.com/F1/a.png',
      },
      { externalId: 'F2' },
    ]);
    expect(message?.metadata).toEqual({ unavailableFiles: 1 });
  });

  test('hold the first comment on a file as a message of its own, unless one says it already', async () => {
    const file = (comment: string) => ({
      id: 'F1',
      user: BEN,
      initial_comment: { id: 'Fc1', timestamp: 1604573608, user: BEN, comment },
    });
    const comment = { id: 'Fc2', timestamp: 1604573610, user: ADA, comment: 'nice' };
    const alone = await messagesOf(
      {
        type: 'message',
        subtype: 'file_comment',
        ts: '1604573610.000001',
        text: '<@U0000ADA1> commented: nice',
        file: file('look'),
        comment,
      },
      said('1604573611.000001', { subtype: 'file_share', file: file('look') }),
    );
    expect(alone.map((message) => [message.externalId, message.author, message.kind, message.body])).toEqual([
      ['1604573610.000001', ADA, 'COMMENT', '<@U0000ADA1> commented: nice'],
      ['comment:Fc1', BEN, 'COMMENT', 'look'],
      ['1604573611.000001', ADA, 'FILE', 'hello'],
    ]);
    expect(
      await messagesOf(said('1.000001', { subtype: 'file_share', text: 'uploaded and commented: look', file: file('look') })),
    ).toHaveLength(1);
  });

  test('that are deleted by a log of deletions are deleted here; logs of edits are skipped', async () => {
    const events = await imported(
      day(
        { type: 'message', subtype: 'message_deleted', hidden: true, ts: '2.000001', deleted_ts: '1.000001' },
        { type: 'message', subtype: 'message_changed', hidden: true, ts: '3.000001', message: { text: 'old', user: ADA } },
      ),
    );
    expect(recordsOf(events, 'messageDeletion')).toEqual([
      { type: 'messageDeletion', conversation: 'C0GENERAL', externalId: '1.000001' },
    ]);
    expect(eventsOfKind(events, 'skipped')).toMatchObject([{ what: 'message_changed' }]);
  });

  test('with reactions have one for each person and emoji', async () => {
    const events = await imported(
      day(said('1.000001', { reactions: [{ name: 'tada', count: 5, users: [ADA, BEN, ADA] }, { count: 1 }] })),
    );
    expect(recordsOf(events, 'message')[0]?.reactions).toEqual([
      { user: ADA, emoji: 'tada' },
      { user: BEN, emoji: 'tada' },
    ]);
    expect(eventsOfKind(events, 'warning')[0]?.message).toContain('without saying whose');
  });
});

describe('whatever cannot be taken over', () => {
  test('is skipped with its file and place, and the rest is read', async () => {
    const events = await imported({
      ...day(
        said('1.000001'),
        'junk',
        { type: 'message', text: 'no ts' },
        { ...said('1.0'), ts: 1.5 },
        said('1.000001'),
        { type: 'presence', ts: '2.0' },
        said('9.000001', { text: 'a\u0000b' }),
      ),
      'general/2020-11-06.json': '[{"type": "message", ',
      'general/2020-11-07.json': { not: 'a list' },
      'general/canvas_in_the_conversation.json': [{ id: 'F1' }],
      'general/2020-11-08.json': [said('20.000001')],
      'integration_logs.json': [{ user_id: ADA, user_name: 'ada' }, { user_id: ADA }],
      'lists.json': [''],
      'notes.txt': 'x',
    });
    expect(recordsOf(events, 'message').map((message) => [message.externalId, message.body])).toEqual([
      ['1.000001', 'hello'],
      ['9.000001', 'a\uFFFDb'],
      ['20.000001', 'hello'],
    ]);
    const skipped = eventsOfKind(events, 'skipped').map(
      ({ at, what }) => `${at.file}${at.item === undefined ? '' : `:${at.item}`} ${what}`,
    );
    expect(skipped).toEqual([
      'general/2020-11-05.json:2 message',
      'general/2020-11-05.json:3 message',
      'general/2020-11-05.json:4 message',
      'general/2020-11-05.json:5 message',
      'general/2020-11-05.json:6 element',
      'general/2020-11-06.json file',
      'general/2020-11-07.json file',
      'general/canvas_in_the_conversation.json file',
      'integration_logs.json:1 integration_logs',
      'integration_logs.json:2 integration_logs',
      'notes.txt file',
    ]);
    expect(eventsOfKind(events, 'skipped')[5]?.reason).toBe('general/2020-11-06.json is not valid JSON at line 1, column 22.');
    const progress = eventsOfKind(events, 'progress');
    expect(progress.at(-1)?.done).toBe(progress.at(-1)?.total);
  });

  test('in a zip is found the same as in a folder, and twice the same', async () => {
    const files = day(said('1604573608.000200', { text: 'hi <@U0000BEN1|ben>' }));
    const entries = Object.entries(files).map(([name, content]) => ({
      name: `Acme export/${name}`,
      content: JSON.stringify(content),
    }));
    const folder = await writeExport(files);
    folders.push(folder);
    const fromFolder = await eventsOf(importSlack, folder);
    await writeFile(join(folder, 'export.zip'), zipOf(entries));
    expect(await eventsOf(importSlack, join(folder, 'export.zip'))).toEqual(fromFolder);
    expect(await eventsOf(importSlack, join(folder, 'export.zip'))).toEqual(fromFolder);
  });
});
