import { hash } from 'node:crypto';
import { posix } from 'node:path';
import { Refusal } from '../errors.ts';
import { parseBounded } from './bounded-json.ts';
import { recordEvent } from './checked-event.ts';
import { channelLine, directChannelLine, directPostLine, dropUnread, faultOf, isoTime, postLine } from './mattermost-lines.ts';
import { bot, canonical, named, user, type Reading } from './mattermost-people.ts';
import { post } from './mattermost-posts.ts';
import type { Importer, Position, SourceEvent } from './records.ts';
import { lines } from './source-text.ts';
import { openSource, type Source, type SourceFile } from './source.ts';
import { Tally } from './tally.ts';

const PROGRESS_BYTES = 1 << 20;

/**
 * A Mattermost bulk export: JSONL, alone, in a folder or in a zip, with the attachments in `data/` beside it. The format has no ids: a
 * person is their username, a channel `<team>/<channel>`, a direct channel a hash of its members, a post its time and a hash of its author.
 */
export const importMattermost: Importer = async function* (path) {
  const source = await openSource(path);
  try {
    const file = exportFile(source);
    const folder = posix.dirname(file.path) === '.' ? '' : posix.dirname(file.path);
    yield* readLines(file, {
      source,
      folder,
      people: new Set(),
      bots: new Set(),
      conversations: new Set(),
      posts: new Map(),
      dropped: new Tally(),
    });
  } finally {
    await source.close();
  }
};

/** The one JSONL file that lies highest; what lies in `data/` was uploaded by people. */
function exportFile(source: Source): SourceFile {
  const found = source.files.filter(
    (file) => /\.jsonl?$/i.test(file.path) && !file.path.split('/').slice(0, -1).includes('data'),
  );
  const depth = found.reduce((least, file) => Math.min(least, file.path.split('/').length), Infinity);
  const [first, second] = found.filter((file) => file.path.split('/').length === depth);
  if (!first) throw new Refusal('INVALID_INPUT', 'There is no .jsonl file in this Mattermost export.');
  if (second)
    throw new Refusal(
      'INVALID_INPUT',
      `Two Mattermost exports at once: ${first.path} and ${second.path}. Import them one by one.`,
    );
  return first;
}

async function* readLines(file: SourceFile, reading: Reading): AsyncGenerator<SourceEvent> {
  let versioned = false;
  let done = 0;
  let reported = 0;
  for await (const { line, text, bytes, flaw } of lines(file)) {
    const at = { file: file.path, line };
    if (flaw === 'NOT_UTF8') yield { kind: 'warning', at, message: 'Bytes that are no UTF-8 were replaced by U+FFFD.' };
    if (flaw === 'TOO_LONG') yield { kind: 'skipped', at, what: 'line', reason: 'The line is too long.' };
    else if (!versioned && text.trim() !== '') versioned = requireVersion(parsed(text), at);
    else if (text.trim() !== '') yield* readLine(reading, parsed(text), at);
    done += bytes;
    if (done - reported < PROGRESS_BYTES) continue;
    reported = done;
    yield { kind: 'progress', done, total: file.size };
  }
  if (!versioned)
    throw new Refusal('INVALID_INPUT', `${file.path}:1: there is no version line, so this is no Mattermost export.`);
  yield* reading.dropped.events();
  yield { kind: 'progress', done, total: file.size };
}

/** A line as an object with its type, or undefined where it is none. */
function parsed(text: string): (Record<string, unknown> & { type: string }) | undefined {
  const read = parseBounded(text);
  const value = 'value' in read ? (read.value as Record<string, unknown> | null) : null;
  return typeof value?.type === 'string' ? (value as Record<string, unknown> & { type: string }) : undefined;
}

function requireVersion(line: ReturnType<typeof parsed>, at: Required<Pick<Position, 'file' | 'line'>>): true {
  const where = `${at.file}:${at.line}`;
  if (line?.type !== 'version') {
    throw new Refusal('INVALID_INPUT', `${where}: there is no version line, so this is no Mattermost export.`);
  }
  if (line.version !== 1) throw new Refusal('INVALID_INPUT', `${where}: only version 1 of Mattermost's bulk format can be read.`);
  return true;
}

const NOT_TAKEN: Record<string, string> = {
  version: 'A second version line says nothing.',
  scheme: 'Permission schemes are not about anybody.',
  role: 'Permission roles are not about anybody.',
  emoji: 'Custom emoji images are not taken over.',
  team: 'A team stands in the ids of its channels.',
};

async function* readLine(reading: Reading, line: ReturnType<typeof parsed>, at: Position): AsyncGenerator<SourceEvent> {
  if (!line) return yield { kind: 'skipped', at, what: 'line', reason: 'The line is no JSON object with a type.' };
  const raw = line[line.type];
  const reason = Object.hasOwn(NOT_TAKEN, line.type) ? NOT_TAKEN[line.type] : undefined;
  if (reason !== undefined) return yield { kind: 'skipped', at, what: line.type, reason };
  switch (line.type) {
    case 'channel':
      return yield* channel(reading, raw, at);
    case 'user':
      return yield* user(reading, raw, at);
    case 'bot':
      return yield* bot(reading, raw, at);
    case 'post':
      return yield* channelPost(reading, raw, at);
    case 'direct_channel':
      return yield* directChannel(reading, raw, at);
    case 'direct_post':
      return yield* directPost(reading, raw, at);
    default:
      return yield { kind: 'skipped', at, what: line.type.slice(0, 64), reason: 'Nothing is known of lines of this type.' };
  }
}

function* channel(reading: Reading, raw: unknown, at: Position): Generator<SourceEvent> {
  const { data, error } = channelLine.safeParse(raw);
  if (!data) return yield { kind: 'skipped', at, what: 'channel', reason: faultOf(error) };
  dropUnread(reading.dropped, 'channel', raw, channelLine.shape);
  const externalId = `${data.team}/${data.name}`;
  const archivedAt = isoTime(data.delete_at ?? data.deleted_at);
  const event = recordEvent(
    {
      type: 'conversation',
      externalId,
      kind: data.type === 'O' ? 'PUBLIC_GROUP' : 'PRIVATE_GROUP',
      ...(data.display_name && { name: data.display_name }),
      ...(archivedAt && { archivedAt }),
    },
    at,
  );
  if (event.kind === 'record') reading.conversations.add(externalId);
  yield event;
}

async function* channelPost(reading: Reading, raw: unknown, at: Position): AsyncGenerator<SourceEvent> {
  const { data, error } = postLine.pick({ team: true, channel: true }).safeParse(raw);
  if (!data) return yield { kind: 'skipped', at, what: 'post', reason: faultOf(error) };
  const conversation = `${data.team}/${data.channel}`;
  if (!reading.conversations.has(conversation)) {
    return yield { kind: 'skipped', at, what: 'post', reason: 'The export holds no such channel.' };
  }
  yield* post(reading, { conversation, raw, keys: postLine.shape, what: 'post' }, at);
}

/** Its header and who likes it are not taken over. */
function* directChannel(reading: Reading, raw: unknown, at: Position): Generator<SourceEvent> {
  const { data, error } = directChannelLine.safeParse(raw);
  if (!data) return yield { kind: 'skipped', at, what: 'direct_channel', reason: faultOf(error) };
  dropUnread(reading.dropped, 'direct_channel', raw, { members: 1 });
  yield* direct(reading, data, at);
}

async function* directPost(reading: Reading, raw: unknown, at: Position): AsyncGenerator<SourceEvent> {
  const { data, error } = directPostLine.pick({ channel_members: true }).safeParse(raw);
  if (!data) return yield { kind: 'skipped', at, what: 'direct_post', reason: faultOf(error) };
  if (!reading.conversations.has(directId(data.channel_members))) {
    yield {
      kind: 'warning',
      at,
      message: 'A direct post names members who have no direct_channel line: the conversation was made.',
    };
  }
  const conversation = yield* direct(reading, data.channel_members, at);
  yield* post(reading, { conversation, raw, keys: directPostLine.shape, what: 'direct_post' }, at);
}

/** The conversation of these members, made when it is first met. A hash, since ids outlive the erasure of whose names they would hold. */
function* direct(reading: Reading, members: string[], at: Position): Generator<SourceEvent, string> {
  const externalId = directId(members);
  if (reading.conversations.has(externalId)) return externalId;
  reading.conversations.add(externalId);
  const people = [...new Set(members.map(canonical))];
  for (const member of people) yield* named(reading, member, at);
  const participants = people.map((member) => ({ user: member }));
  yield recordEvent({ type: 'conversation', externalId, kind: people.length > 2 ? 'PRIVATE_GROUP' : 'DIRECT', participants }, at);
  return externalId;
}

const directId = (members: string[]): string => `dm:${hash('sha256', [...new Set(members.map(canonical))].sort().join('\n'))}`;
