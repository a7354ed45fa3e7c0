import { expect, test } from '@jest/globals';
import { importDiscord } from '../../src/intake/discord.importer.ts';
import type { SourceEvent } from '../../src/intake/records.ts';
import { droppedIn, eventsOf, eventsOfKind, recordsOf, writeExport } from '../support/import-events.ts';

const read = async (files: Record<string, string>): Promise<SourceEvent[]> => eventsOf(importDiscord, await writeExport(files));

const skips = (events: SourceEvent[]) => eventsOfKind(events, 'skipped');

const author = (id: string, name: string, more: object = {}) => ({
  id,
  name,
  discriminator: '0000',
  nickname: name,
  isBot: false,
  ...more,
});
const said = (id: string, content: string, more: object = {}) => ({
  id,
  type: 'Default',
  timestamp: '2024-02-29T10:00:00.5+00:00',
  timestampEdited: null,
  callEndedTimestamp: null,
  isPinned: false,
  content,
  author: author('101', 'ada'),
  attachments: [],
  embeds: [],
  stickers: [],
  reactions: [],
  mentions: [],
  ...more,
});
const exported = (messages: unknown[], channel: object = {}): string =>
  JSON.stringify(
    {
      guild: { id: '1', name: 'Bakery' },
      channel: { id: '900', type: 'GuildTextChat', category: 'Text', name: 'oven', ...channel },
      messages,
      messageCount: 1,
    },
    null,
    2,
  );

test('a JSON message keeps its id, edit, pin, answer, reactions by people, and files without the signature that opens them', async () => {
  const events = await read({
    'a.json': exported([
      said('1000', 'Hi', {
        timestampEdited: '2024-02-29T11:00:00+00:00',
        isPinned: true,
        author: author('101', 'ada', {
          discriminator: '0042',
          nickname: 'Ada B',
          avatarUrl: 'https://cdn.test/a.png?size=512',
          roles: [{ id: '1', name: 'Baker' }],
        }),
        attachments: [
          { id: '77', url: 'https://cdn.test/attachments/1/77/c.png?ex=1&is=2&hm=3', fileName: 'c.png', fileSizeBytes: 12 },
        ],
        reactions: [
          { emoji: { id: '', name: '🍞' }, count: 1, users: [author('102', 'bo')] },
          { emoji: { id: '', name: '🔥' }, count: 3, users: [] },
        ],
      }),
      said('1001', 'Yes', {
        type: 'Reply',
        reference: { messageId: '1000', channelId: '900', guildId: '1' },
        author: author('103', 'timer', { isBot: true }),
      }),
      said('1002', 'From elsewhere', { reference: { messageId: '5', channelId: '901', guildId: '1' } }),
    ]),
  });
  const [first, second, third] = recordsOf(events, 'message');
  expect(first).toMatchObject({
    externalId: '1000',
    conversation: '900',
    sentAt: '2024-02-29T10:00:00.500Z',
    editedAt: '2024-02-29T11:00:00.000Z',
    metadata: { pinned: true, reactionCounts: { '🔥': 3 } },
    attachments: [{ externalId: '77', name: 'c.png', size: 12, url: 'https://cdn.test/attachments/1/77/c.png' }],
    reactions: [{ user: '102', emoji: '🍞' }],
  });
  expect(second).toMatchObject({ replyTo: '1000', kind: 'BOT' });
  expect(third).not.toHaveProperty('replyTo');
  expect(recordsOf(events, 'user')).toMatchObject([
    {
      externalId: '101',
      kind: 'END_USER',
      profile: { handle: 'ada#0042', displayName: 'Ada B', avatarUrl: 'https://cdn.test/a.png' },
      metadata: { roles: ['Baker'] },
    },
    { externalId: '102' },
    { externalId: '103', kind: 'BOT' },
    // And again at the end, as they are called last.
    { externalId: '101' },
    { externalId: '102' },
    { externalId: '103' },
  ]);
});

test.each([
  ['Hi @Ann and @Anna', 'Hi <@1> and <@2>', ['1', '2']],
  ['Hi <@!2>, <@1>', 'Hi <@2>, <@1>', ['1', '2']],
  ['@ann.old (a+b)', '<@1> (a+b)', ['1']],
  ['Ann without an at', 'Ann without an at', []],
  ['<@555> is nobody here', '<@555> is nobody here', []],
])('in "%s", who is mentioned stands as their id', async (content, body, ids) => {
  const mentions = [author('1', 'ann.old', { nickname: 'Ann' }), author('2', 'Anna')];
  const events = await read({ 'a.json': exported([said('1000', content, { mentions })]) });
  expect(recordsOf(events, 'message')[0]).toMatchObject({ body, mentions: ids });
});

test('what Discord itself says is a system message, in which names are mentions; a call is held as a call as well', async () => {
  const events = await read({
    'a.json': exported(
      [
        said('1000', 'Added Bo B. to the group.', {
          type: 'RecipientAdd',
          mentions: [author('102', 'bo', { nickname: 'Bo B.' })],
        }),
        said('1001', 'Started a call that lasted 5 minutes.', {
          type: 'Call',
          callEndedTimestamp: '2024-02-29T10:05:00+00:00',
        }),
      ],
      { type: 'DirectGroupTextChat', name: 'ada, bo' },
    ),
  });
  expect(recordsOf(events, 'message').map(({ kind, body }) => [kind, body])).toEqual([
    ['SYSTEM', 'Added <@102> to the group.'],
    ['SYSTEM', 'Started a call that lasted 5 minutes.'],
  ]);
  expect(recordsOf(events, 'call')).toEqual([
    expect.objectContaining({
      externalId: '1001',
      initiator: '101',
      startedAt: '2024-02-29T10:00:00.500Z',
      endedAt: '2024-02-29T10:05:00.000Z',
    }),
  ]);
  expect(recordsOf(events, 'conversation')[0]).toMatchObject({ kind: 'PRIVATE_GROUP' });
  expect(recordsOf(events, 'conversation')[0]).not.toHaveProperty('name');
  expect(droppedIn(events)).toEqual({ 'name of a direct channel': 1 });
});

test('embeds, stickers, forwarded texts and interactions are left out and counted', async () => {
  const copies = {
    embeds: [{ description: 'copied words' }, {}],
    stickers: [{ name: 'wave' }],
    forwardedMessage: { content: 'copied words' },
    interaction: { id: '1', name: 'bake', user: author('109', 'hidden') },
    reference: { messageId: '999', channelId: '900' },
  };
  const events = await read({ 'a.json': exported([said('1000', '', copies)]) });
  expect(droppedIn(events)).toEqual({ embeds: 2, stickers: 1, forwardedMessage: 1, interaction: 1 });
  expect(recordsOf(events, 'message')[0]).not.toHaveProperty('replyTo');
  expect(JSON.stringify(events)).not.toMatch(/copied words|hidden/);
});

test('a malformed message and a file that ends too early are skipped with file and item, and what is whole is taken over', async () => {
  const whole = exported([said('1000', 'a [b] {c} "d\\" , '), { id: 'x' }, 7, said('1001', 'last')]);
  const events = await read({
    'a.json': whole,
    'b.json': exported([said('1002', 'x')], { id: '901' }).replace(/\s*\][^\]]*$/, ''),
  });
  expect(recordsOf(events, 'message').map(({ body }) => body)).toEqual(['a [b] {c} "d\\" , ', 'last']);
  expect(skips(events).map(({ at, what }) => [at.file, what, at.item])).toEqual([
    ['a.json', 'message', 2],
    ['a.json', 'message', 3],
    ['b.json', 'file', undefined],
  ]);
});
