import { importDiscord } from '../../../src/intake/discord.importer.ts';
import { importMattermost } from '../../../src/intake/mattermost.importer.ts';
import { importNdjson } from '../../../src/intake/ndjson.importer.ts';
import type { Importer, RawRecord } from '../../../src/intake/records.ts';
import { importSlack } from '../../../src/intake/slack.importer.ts';
import { ADA, BEN, CLEO, general, users } from '../../support/slack-workspace.ts';

/** A file of an export in a form that can be changed by its structure: JSON, lines of JSON, rows of CSV, or bytes as they are. */
export type Part = { json: unknown } | { lines: unknown[] } | { csv: string[][]; by: string } | { bytes: string };
export type Export = Record<string, Part>;

/** Small and made up, but with something of everything that an importer knows. */
export const FORMATS: Record<string, { importer: Importer; files: Export }> = {
  slack: { importer: importSlack, files: slackExport() },
  mattermost: { importer: importMattermost, files: mattermostExport() },
  'discord json': { importer: importDiscord, files: discordJsonExport() },
  'discord csv': { importer: importDiscord, files: discordCsvExport() },
  ndjson: { importer: importNdjson, files: nativeExport() },
};

function slackExport(): Export {
  const at = (second: number): string => `16045736${String(second).padStart(2, '0')}.000200`;
  const said = (second: number, more: object): object => ({ type: 'message', user: ADA, text: 'hello', ts: at(second), ...more });
  const bot = { subtype: 'bot_message', user: undefined, bot_id: 'B0000BOT1', username: 'timer' };
  const file = {
    id: 'F0000FILE',
    name: 'a.txt',
    mimetype: 'text/plain',
    size: 3,
    user: BEN,
    url_private: 'https://x.example/a?t=xoxe-1',
  };
  const comment = { id: 'Fc0COMMENT', comment: 'nice <@U0000BEN1>', user: BEN, timestamp: 1604573600 };
  return {
    'users.json': { json: users },
    'channels.json': { json: [general, { id: 'C0000OLD1', name: 'old', is_archived: true, created: 1600000000, members: [] }] },
    'groups.json': { json: [{ id: 'G0000GRP1', name: 'grp', created: 1600000000, members: [ADA, CLEO] }] },
    'dms.json': { json: [{ id: 'D0000DM01', created: 1600000000, members: [ADA, BEN] }] },
    'mpims.json': { json: [{ id: 'G000MPIM1', name: 'mpdm-ada--ben-1', created: 1600000000, members: [ADA, BEN] }] },
    'general/2020-11-05.json': {
      json: [
        said(1, { subtype: 'channel_join', text: '<@U0000ADA1> has joined' }),
        said(2, {
          text: 'see <https://x.example/?token=1|this> <@U0000BEN1|ben> <#C0GENERAL|general> &lt;@U0000ADA1&gt;',
          edited: { user: ADA, ts: at(3) },
        }),
        said(4, { user: BEN, thread_ts: at(2), parent_user_id: ADA, user_profile: { real_name: 'Ben Stone' } }),
        said(5, { reactions: [{ name: 'bread', users: [ADA, BEN], count: 3 }], pinned_to: ['C0GENERAL'] }),
        said(6, {
          ...bot,
          text: '',
          attachments: [{ title: 'Card', title_link: 'https://x.example', fields: [{ title: 'a', value: 'b' }] }],
        }),
        said(7, {
          ...bot,
          text: '',
          blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'block' }, elements: [{ type: 'user', user_id: BEN }] }],
        }),
        said(8, {
          subtype: 'file_share',
          files: [
            { ...file, initial_comment: comment, reactions: [{ name: 'x', users: [ADA] }] },
            { id: 'F0GONE', mode: 'tombstone' },
          ],
        }),
        said(9, { subtype: 'message_deleted', deleted_ts: at(1) }),
        said(10, { subtype: 'file_comment', user: undefined, comment: { user: CLEO, comment: 'a comment' } }),
      ],
    },
    'general/2020-11-06.json': { json: [said(20, { text: 'next day <@U000CLEO1>' })] },
    'old/2020-11-05.json': { json: [said(30, { subtype: 'channel_archive' })] },
    'D0000DM01/2020-11-05.json': { json: [said(40, { text: 'psst' })] },
    'unlisted/2020-11-05.json': { json: [said(50, {})] },
    'integration_logs.json': { json: [{ user_id: ADA }] },
  };
}

function mattermostExport(): Export {
  const said = { team: 'bakery', channel: 'oven', user: 'ada', create_at: 1_600_000_000_000 };
  const path = '20200913/teams/t/channels/c/users/u/abcdefghijklmnopqrstuvwxyz/cake.jpg';
  return {
    'export.jsonl': {
      lines: [
        { type: 'version', version: 1 },
        { type: 'team', team: { name: 'bakery', display_name: 'Bakery', type: 'O' } },
        { type: 'channel', channel: { team: 'bakery', name: 'oven', display_name: 'The oven', type: 'O', delete_at: 0 } },
        {
          type: 'user',
          user: {
            username: 'ada',
            email: 'ada@bakery.test',
            first_name: 'Ada',
            roles: 'system_user',
            teams: [{ name: 'bakery', channels: [{ name: 'oven', roles: 'channel_user' }] }],
          },
        },
        {
          type: 'user',
          user: { username: 'bo', email: 'bo@bakery.test', nickname: 'Bobo', delete_at: 1_600_000_000_000, teams: null },
        },
        { type: 'bot', bot: { username: 'timer', owner: 'ada', display_name: 'Timer' } },
        {
          type: 'post',
          post: {
            ...said,
            message: 'Ready @bo?',
            is_pinned: true,
            reactions: [{ user: 'bo', emoji_name: 'bread', create_at: 1_600_000_000_200 }],
            replies: [{ user: 'bo', message: 'Yes', create_at: 1_600_000_000_900, edit_at: 1_600_000_001_000 }],
          },
        },
        {
          type: 'post',
          post: { ...said, create_at: 1_600_000_000_001, message: 'Look', attachments: [{ path }, { path: 'none.txt' }] },
        },
        { type: 'post', post: { ...said, user: 'timer', create_at: 1_600_000_000_002, message: 'Ding' } },
        { type: 'direct_channel', direct_channel: { members: ['ada', 'bo'], header: 'us' } },
        {
          type: 'direct_post',
          direct_post: { channel_members: ['ada', 'bo'], user: 'ghost', message: 'boo', create_at: 1_600_000_000_003 },
        },
      ],
    },
    [`data/${path}`]: { bytes: 'pixels' },
  };
}

function discordJsonExport(): Export {
  const author = (id: string, name: string): object => ({
    id,
    name,
    discriminator: '0000',
    nickname: `${name}!`,
    isBot: id === '103',
    avatarUrl: 'https://cdn.example/a.png?x=1',
    roles: [{ name: 'baker' }],
  });
  const said = (id: string, content: string, more: object = {}): object => ({
    id,
    type: 'Default',
    timestamp: `2024-02-29T10:00:${id.slice(-2)}.5+00:00`,
    timestampEdited: null,
    isPinned: false,
    content,
    author: author('101', 'ada'),
    attachments: [],
    mentions: [],
    reactions: [],
    ...more,
  });
  const channel = { id: '900', type: 'GuildTextChat', category: 'Text', name: 'oven', topic: 'bread' };
  return {
    'Bakery - Text - oven [900].json': {
      json: {
        guild: { id: '1', name: 'Bakery' },
        channel,
        messages: [
          said('1001', 'hello @ben! and <@103>', { mentions: [author('102', 'ben'), author('103', 'timer')] }),
          said('1002', 'look', {
            timestampEdited: '2024-02-29T10:01:00Z',
            isPinned: true,
            attachments: [
              { id: '77', url: 'Bakery_Files/cake.txt', fileName: 'cake.txt', fileSizeBytes: 4 },
              { id: '78', url: 'https://cdn.example/attachments/1/78/b.png?ex=1', fileName: 'b.png', fileSizeBytes: 9 },
            ],
          }),
          said('1003', 'yes', {
            type: 'Reply',
            author: author('102', 'ben'),
            reference: { messageId: '1001', channelId: '900' },
            reactions: [{ emoji: { name: 'bread' }, count: 2, users: [author('101', 'ada')] }],
          }),
          said('1004', 'Ding', { author: author('103', 'timer'), embeds: [{ title: 'x' }], stickers: [{}] }),
          said('1005', 'Started a call', { type: 'Call', callEndedTimestamp: '2024-02-29T11:00:00Z' }),
          said('1006', 'Added ben to the group.', { type: 'RecipientAdd', mentions: [author('102', 'ben')] }),
        ],
        messageCount: 6,
      },
    },
    'Direct Messages - Private - ben [901].json': {
      json: { channel: { ...channel, id: '901', type: 'DirectTextChat', name: 'ben' }, messages: [said('2001', 'psst')] },
    },
    'Bakery_Files/cake.txt': { bytes: 'cake' },
  };
}

function discordCsvExport(): Export {
  const head = ['AuthorID', 'Author', 'Date', 'Content', 'Attachments', 'Reactions'];
  return {
    'Bakery - Text - oven [900] [part 1].csv': {
      by: ',',
      csv: [
        head,
        ['101', 'ada', '2024-02-29T10:00:00.5+00:00', 'hello @ben', '', 'bread (2),cake (1)'],
        [
          '102',
          'ben',
          '2024-02-29T10:00:01+00:00',
          'two\nlines, "quoted"',
          'https://cdn.example/attachments/1/78/b.png?ex=1',
          '',
        ],
        ['101', 'ada!', '2024-02-29T10:00:01+00:00', 'file', 'Bakery_Files/cake.txt', ''],
      ],
    },
    'Bakery - Text - bread [901].csv': {
      by: ';',
      csv: [
        head,
        ['101', 'ada#1234', '17-May-19 01:47 PM', 'old', '', ''],
        ['103', 'cy#0001', '17-May-19 01:47 PM', 'times', '', 'x (1)'],
      ],
    },
    'Bakery_Files/cake.txt': { bytes: 'cake' },
  };
}

function nativeExport(): Export {
  const message = { type: 'message', conversation: 'room', author: 'ada', sentAt: '2026-01-01T00:00:00Z' } as const;
  const records: RawRecord[] = [
    {
      type: 'user',
      externalId: 'ada',
      profile: { displayName: 'Ada', email: 'ada@example.org' },
      metadata: { plan: 'gold', nested: { a: [1] } },
      identifiers: [{ type: 'PHONE', value: '+44 1', verifiedAt: '2026-01-01T00:00:00Z' }],
      channels: [{ channel: 'whatsapp', externalId: '441', raw: { x: 1 } }],
      signedUpAt: '2025-01-01T00:00:00+02:00',
    },
    { type: 'user', externalId: 'ben', kind: 'AGENT' },
    {
      type: 'conversation',
      externalId: 'room',
      kind: 'DIRECT',
      name: 'Room',
      createdAt: '2026-01-01T00:00:00Z',
      participants: [{ user: 'ada', role: 'owner', joinedAt: '2026-01-01T00:00:00Z' }, { user: 'ben' }],
    },
    { type: 'participant', conversation: 'room', user: 'ben', leftAt: '2026-02-01T00:00:00Z' },
    {
      ...message,
      externalId: 'm1',
      body: 'hello <@ben>',
      mentions: ['ben'],
      attachments: [{ externalId: 'a1', name: 'a.txt', contentType: 'text/plain', path: 'files/a.txt' }],
      reactions: [{ user: 'ben', emoji: 'x' }],
    },
    { ...message, externalId: 'm2', author: 'ben', replyTo: 'm1', body: 'yes', metadata: { k: 'v' }, direction: 'OUTBOUND' },
    { ...message, externalId: 'm3', body: 'gone' },
    {
      type: 'messageEdit',
      conversation: 'room',
      externalId: 'm2',
      editedAt: '2026-01-01T00:01:00Z',
      body: 'yes <@ada>',
      mentions: ['ada'],
    },
    { type: 'messageDeletion', conversation: 'room', externalId: 'm3' },
    { type: 'reaction', conversation: 'room', message: 'm2', user: 'ada', emoji: 'y', reactedAt: '2026-01-01T00:02:00Z' },
    {
      type: 'call',
      externalId: 'c1',
      conversation: 'room',
      initiator: 'ada',
      startedAt: '2026-01-01T00:00:00Z',
      endedAt: '2026-01-01T00:10:00Z',
      participants: [{ user: 'ben', joinedAt: '2026-01-01T00:00:01Z' }],
    },
    {
      type: 'delivery',
      externalId: 'd1',
      user: 'ada',
      conversation: 'room',
      message: 'm1',
      channel: 'sms',
      source: '+1',
      destination: '+2',
      status: 'read',
      at: '2026-01-01T00:00:05Z',
    },
    { type: 'businessLink', user: 'ada', system: 'crm', reference: 'BW-17' },
  ];
  return {
    'data.ndjson': { lines: [{ type: 'header', schema: 'habeas-native/1' }, ...records] },
    'files/a.txt': { bytes: 'content' },
  };
}
