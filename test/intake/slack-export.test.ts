import { afterEach, describe, expect, test } from '@jest/globals';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceEvent } from '../../src/intake/records.ts';
import { importSlack } from '../../src/intake/slack.importer.ts';
import { eventsOf, eventsOfKind, recordsOf, writeExport } from '../support/import-events.ts';
import { zipOf } from '../support/zip-of.ts';

import { ADA, BEN, CLEO, day, general, said, users } from '../support/slack-workspace.ts';

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

async function imported(files: Record<string, unknown>): Promise<SourceEvent[]> {
  const folder = await writeExport(files);
  folders.push(folder);
  return eventsOf(importSlack, folder);
}

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
