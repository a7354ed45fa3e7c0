import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordSchema } from '../src/intake/records.ts';
import type { IntakeRecord } from '../src/intake/records.ts';

const EXAMPLES = join(import.meta.dirname, '..', 'examples');
const SLACK = join(EXAMPLES, 'brightwater-slack');

interface SlackMessage {
  ts: string;
  text: string;
  user?: string;
  subtype?: string;
  bot_id?: string;
  username?: string;
  user_profile?: object;
  thread_ts?: string;
  parent_user_id?: string;
  reply_count?: number;
  latest_reply?: string;
  reply_users?: string[];
  replies?: { user: string; ts: string }[];
  root?: SlackMessage;
  edited?: { user: string; ts: string };
  reactions?: { name: string; users: string[]; count: number }[];
  files?: { user: string; url_private: string; initial_comment?: { user: string } }[];
}
interface SlackUser {
  id: string;
  name: string;
  deleted: boolean;
  is_bot: boolean;
  is_restricted?: boolean;
}
interface SlackChannel {
  id: string;
  name?: string;
  members: string[];
  is_archived?: boolean;
}

const load = <T>(...path: string[]): T => JSON.parse(readFileSync(join(SLACK, ...path), 'utf8')) as T;
const users = load<SlackUser[]>('users.json');
const channels = load<SlackChannel[]>('channels.json');
const groups = load<SlackChannel[]>('groups.json');
const dms = load<SlackChannel[]>('dms.json');
const mpims = load<SlackChannel[]>('mpims.json');
const conversations = [...channels, ...groups, ...dms, ...mpims].map((each) => {
  const folder = each.name ?? each.id;
  return { ...each, days: readdirSync(join(SLACK, folder)).map((day) => ({ day, messages: load<SlackMessage[]>(folder, day) })) };
});
const messagesOf = ({ days }: (typeof conversations)[number]) => days.flatMap(({ messages }) => messages);
const all = conversations.flatMap(messagesOf);
const idOf = (handle: string) => users.find(({ name }) => name === handle)!.id;

/** Every file below a folder, by its path, with the hash of what it holds. */
const contents = (folder: string, only: RegExp): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => only.test(path) && statSync(join(folder, path)).isFile())
      .toSorted()
      .map((path) => [
        path,
        createHash('sha256')
          .update(readFileSync(join(folder, path)))
          .digest('hex'),
      ]),
  );

test('generating the company again gives the same files, byte for byte', () => {
  const folder = mkdtempSync(join(tmpdir(), 'brightwater-'));
  try {
    execFileSync(process.execPath, [join(EXAMPLES, 'generate.ts'), folder]);
    expect(contents(folder, /./)).toEqual(contents(EXAMPLES, /^brightwater-/));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('all examples together stay below 1.5 MB', () => {
  const sizes = Object.keys(contents(EXAMPLES, /./)).map((path) => statSync(join(EXAMPLES, path)).size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1_500_000);
});

describe('the Slack export', () => {
  test('has about 25 people, a dozen channels and some 900 messages over eight weeks', () => {
    expect(users.length).toBe(25);
    expect([users.filter((each) => each.deleted), users.filter((each) => each.is_restricted)].map((each) => each.length)).toEqual(
      [1, 1],
    );
    expect(users.filter((each) => each.is_bot).length).toBe(2);
    expect([channels, groups, dms, mpims].map((each) => each.length)).toEqual([12, 2, 3, 1]);
    expect(channels.filter((each) => each.is_archived).length).toBe(2);
    expect(all.length).toBe(888);
    const days = conversations
      .flatMap((each) => each.days.map(({ day }) => day))
      .toSorted((one, other) => one.localeCompare(other));
    expect([days[0], days.at(-1)]).toEqual(['2026-03-02.json', '2026-04-24.json']);
  });

  test('names nobody and no channel that its lists do not hold', () => {
    const people = new Set([...users.map(({ id }) => id), 'USLACKBOT']);
    const known = new Set(conversations.map(({ id }) => id));
    const text = JSON.stringify([all, channels, groups, dms, mpims, load('integration_logs.json')]);
    for (const [id] of text.matchAll(/\bU0BW[0-9A-Z]{7}\b/g)) expect(people).toContain(id);
    for (const [id] of text.matchAll(/\b[CD]0BW[0-9A-Z]{7}\b/g)) expect(known).toContain(id);
    for (const { user } of all) if (user) expect(people).toContain(user);
    expect(new Set([...people, ...known]).size).toBe(people.size + known.size);
  });

  test('lets only members write and react, apart from those who left', () => {
    for (const conversation of conversations) {
      const left = messagesOf(conversation).filter(({ subtype }) => subtype === 'channel_leave');
      const members = new Set([...conversation.members, ...left.map(({ user }) => user!), 'USLACKBOT', idOf('pieter')]);
      const active = messagesOf(conversation).flatMap(({ user, reactions = [] }) => [
        user,
        ...reactions.flatMap((each) => each.users),
      ]);
      expect(active.filter((id) => id !== undefined && !members.has(id))).toEqual([]);
    }
  });

  test('keeps its threads, edits and times consistent', () => {
    for (const conversation of conversations) {
      const messages = messagesOf(conversation);
      const byTs = new Map(messages.map((each) => [each.ts, each]));
      expect(byTs.size).toBe(messages.length);
      for (const { day, messages: ofDay } of conversation.days) {
        expect(ofDay.map(({ ts }) => ts)).toEqual(ofDay.map(({ ts }) => ts).toSorted());
        for (const { ts } of ofDay)
          expect(`${new Date(Number(ts.split('.')[0]) * 1000).toISOString().slice(0, 10)}.json`).toBe(day);
      }
      for (const each of messages) {
        if (each.edited) expect(each.edited.ts > each.ts).toBe(true);
        for (const { users: who, count } of each.reactions ?? []) expect(new Set(who).size).toBe(count);
        const replies = messages.filter(({ ts, thread_ts }) => thread_ts === each.ts && ts !== each.ts);
        expect(each.reply_count ?? 0).toBe(replies.length);
        expect(each.replies ?? []).toEqual(replies.map(({ user, ts }) => ({ user, ts })));
        if (each.reply_count) expect(each.latest_reply).toBe(replies.at(-1)!.ts);
        if (!each.thread_ts || each.thread_ts === each.ts) continue;
        const parent = byTs.get(each.thread_ts)!;
        expect(parent.ts < each.ts).toBe(true);
        expect(each.parent_user_id).toBe(parent.user);
        if (each.subtype === 'thread_broadcast') expect(each.root).toEqual(parent);
      }
    }
  });

  test('holds each shape in which chat hides a person', () => {
    const subtypes = new Set(all.map(({ subtype }) => subtype));
    for (const subtype of [
      'thread_broadcast',
      'me_message',
      'bot_message',
      'tombstone',
      'channel_join',
      'channel_leave',
      'channel_topic',
      'channel_purpose',
    ])
      expect(subtypes).toContain(subtype);
    const lena = idOf('lena');
    expect(all.filter(({ user }) => user === lena).length).toBeGreaterThan(100);
    const others = all.filter(({ user }) => user !== lena);
    expect(others.filter(({ text }) => text.includes(`<@${lena}>`)).length).toBeGreaterThan(3);
    expect(others.some(({ text }) => text.includes(`<@${lena}|lena>`))).toBe(true);
    expect(others.filter(({ text }) => /\bLena\b/.test(text)).length).toBeGreaterThan(20);
    expect(others.some(({ root }) => root?.user === lena)).toBe(true);
    const files = all.flatMap((each) => each.files ?? []);
    expect(files.every(({ url_private }) => url_private.includes('?t=xoxe-EXAMPLE'))).toBe(true);
    expect(files.some((file) => file.initial_comment?.user === lena)).toBe(true);
    expect(all.some(({ text }) => text === '=SUM(A1:A3)') && all.some(({ text }) => text.includes('&lt;b&gt;'))).toBe(true);
    const copies = all.filter(({ user_profile }) => user_profile).length / all.length;
    expect(copies).toBeGreaterThan(0.35);
    expect(copies).toBeLessThan(0.65);
  });
});

describe('the support conversations', () => {
  const [header, ...lines] = readFileSync(join(EXAMPLES, 'brightwater-support.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const records = lines.map((line) => recordSchema.parse(line));
  const of = <T extends IntakeRecord['type']>(type: T) =>
    records.filter((each): each is Extract<IntakeRecord, { type: T }> => each.type === type);

  test('are native records under a header, of every kind', () => {
    expect(header).toEqual({ type: 'header', schema: 'habeas-native/1' });
    const kinds = [
      'user',
      'conversation',
      'participant',
      'message',
      'messageEdit',
      'messageDeletion',
      'reaction',
      'call',
      'delivery',
      'businessLink',
    ] as const;
    expect(Object.fromEntries(kinds.map((kind) => [kind, of(kind).length]))).toMatchObject({
      user: 14,
      conversation: 14,
      message: 129,
      call: 4,
      delivery: 91,
      businessLink: 14,
    });
    for (const kind of kinds) expect(of(kind).length).toBeGreaterThan(0);
    expect(new Set(of('call').map(({ kind }) => kind))).toEqual(new Set(['VOICE', 'VIDEO']));
    expect(of('message').some(({ campaignId }) => campaignId)).toBe(true);
    expect(of('user').filter(({ kind }) => kind === 'END_USER').length).toBe(10);
  });

  test('name only what was named before them', () => {
    const seen = new Set<string>();
    const needs = (...ids: (string | undefined)[]) => ids.forEach((id) => id && expect(seen).toContain(id));
    for (const record of records) {
      if ('user' in record) needs(record.user);
      if ('conversation' in record) needs(record.conversation);
      if (record.type === 'conversation') needs(...record.participants.map(({ user }) => user));
      if (record.type === 'call') needs(record.initiator, ...record.participants.map(({ user }) => user));
      if (record.type === 'message') needs(record.author, record.replyTo, ...record.mentions);
      if (record.type === 'delivery' || record.type === 'reaction') needs(record.message);
      if (record.type === 'messageEdit' || record.type === 'messageDeletion') needs(record.externalId);
      else if ('externalId' in record) {
        expect(seen).not.toContain(record.externalId);
        seen.add(record.externalId);
      }
    }
  });

  test('are between members, and edited after they were sent', () => {
    const members = new Set(
      of('conversation').flatMap((each) => each.participants.map(({ user }) => `${each.externalId} ${user}`)),
    );
    for (const { conversation, user } of of('participant')) members.add(`${conversation} ${user}`);
    for (const { conversation, author } of of('message')) expect(members).toContain(`${conversation} ${author}`);
    for (const { conversation, user } of of('reaction')) expect(members).toContain(`${conversation} ${user}`);
    const sent = new Map(of('message').map((each) => [each.externalId, each.sentAt]));
    for (const { externalId, editedAt } of of('messageEdit')) expect(editedAt > sent.get(externalId)!).toBe(true);
    for (const { message, at } of of('delivery')) if (message) expect(at > sent.get(message)!).toBe(true);
    for (const { startedAt, endedAt } of of('call')) expect(endedAt! > startedAt).toBe(true);
  });

  test('send files that are there, all of them, with their size and hash', () => {
    const files = of('message').flatMap(({ attachments }) => attachments);
    for (const { path, size, sha256 } of files) {
      const content = readFileSync(join(EXAMPLES, path!));
      expect([size, sha256]).toEqual([content.length, createHash('sha256').update(content).digest('hex')]);
    }
    expect(files.map(({ path }) => path!.split('/')[1]).toSorted()).toEqual(
      readdirSync(join(EXAMPLES, 'brightwater-files')).toSorted(),
    );
  });
});
