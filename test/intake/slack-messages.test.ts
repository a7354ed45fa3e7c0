import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rm } from 'node:fs/promises';
import type { SourceEvent } from '../../src/intake/records.ts';
import { importSlack } from '../../src/intake/slack.importer.ts';
import { droppedIn, eventsOf, eventsOfKind, recordsOf, writeExport } from '../support/import-events.ts';

import { ADA, BEN, day, said } from '../support/slack-workspace.ts';

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

async function imported(files: Record<string, unknown>): Promise<SourceEvent[]> {
  const folder = await writeExport(files);
  folders.push(folder);
  return eventsOf(importSlack, folder);
}
const messagesOf = async (...messages: unknown[]) => recordsOf(await imported(day(...messages)), 'message');

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

  test('of any shape whatever are read or skipped, and none is lost without a word', async () => {
    const json = fc.jsonValue({ maxDepth: 3 });
    const fields = [
      'user',
      'text',
      'subtype',
      'files',
      'file',
      'comment',
      'reactions',
      'attachments',
      'blocks',
      'edited',
      'thread_ts',
      'user_profile',
      'bot_id',
    ];
    const odd = fc.record(
      Object.fromEntries(
        fields.map((field) => [field, fc.oneof(json, fc.array(fc.record({ id: json, name: json, users: json })))]),
      ),
      {
        requiredKeys: [],
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(odd, { minLength: 5, maxLength: 40 }), async (shapes) => {
        const events = await imported(
          day(...shapes.map((shape, index) => ({ type: 'message', ts: `${index + 1}.000001`, ...shape }))),
        );
        const told = events.filter(
          (event) => 'at' in event && event.at.item !== undefined && event.at.file.startsWith('general/'),
        );
        expect(new Set(told.map((event) => ('at' in event ? event.at.item : 0))).size).toBe(shapes.length);
        const mentioned = recordsOf(events, 'message').flatMap(({ body, mentions }) =>
          mentions.filter((id) => !body.includes(`<@${id}>`)),
        );
        expect(mentioned).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});
