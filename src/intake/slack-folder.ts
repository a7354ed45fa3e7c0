import { posix } from 'node:path';
import { Refusal } from '../errors.ts';
import { nulWarnings, recordEvent } from './checked-event.ts';
import { jsonArray } from './json-array.ts';
import { asLoose, asObjects, asText, asTexts, isLoose, type Loose } from './loose.ts';
import { toPlainText } from './mrkdwn.ts';
import type { Position, SourceEvent } from './records.ts';
import type { SlackConversation } from './slack-conversation.ts';
import { directoryOf, elementsOf, meet, progress, type SlackExport } from './slack-export.ts';
import { filesOf } from './slack-file.ts';
import { toMessage } from './slack-message.ts';
import { readSeconds, readTimestamp } from './slack-time.ts';
import type { SourceFile } from './source.ts';

const DAY_FILE = /^\d{4}-\d{2}-\d{2}\.json$/;

/** The messages of one conversation. A file that cannot be read is reported, and the next one read. */
export async function* readFolder(
  slack: SlackExport,
  conversation: SlackConversation,
  files: SourceFile[],
): AsyncGenerator<SourceEvent> {
  const times = new Set<number>();
  for (const file of files) {
    const shown = conversation.shownFolder + file.path.slice(file.path.indexOf('/'));
    if (DAY_FILE.test(posix.basename(file.path))) yield* readDay(slack, conversation, file, shown, times);
    else yield { kind: 'skipped', at: { file: shown }, what: 'file', reason: 'not the messages of a day' };
    yield progress(slack, file);
  }
}

async function* readDay(
  slack: SlackExport,
  conversation: SlackConversation,
  file: SourceFile,
  shown: string,
  times: Set<number>,
): AsyncGenerator<SourceEvent> {
  let taken = 0;
  let warned = false;
  try {
    for await (const { item, value, intact } of jsonArray({ ...file, path: shown })) {
      const at = { file: shown, item };
      if (!intact && !warned) yield { kind: 'warning', at, message: 'Bytes that are not UTF-8 were replaced by U+FFFD.' };
      warned ||= !intact;
      yield* readElement(slack, conversation, value, at, times);
      taken = item;
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const rest = taken > 0 ? ` The ${taken} element(s) before that were read.` : '';
    yield { kind: 'skipped', at: { file: shown }, what: 'file', reason: error.message + rest };
  }
}

function* readElement(
  slack: SlackExport,
  conversation: SlackConversation,
  raw: unknown,
  at: Position,
  times: Set<number>,
): Generator<SourceEvent> {
  const skipped = (what: string, reason: string): SourceEvent => ({ kind: 'skipped', at, what, reason });
  if (!isLoose(raw)) return yield skipped('message', 'not an object');
  if (raw.type !== undefined && raw.type !== 'message') return yield skipped('element', 'its type is not "message"');
  const sent = readTimestamp(raw.ts);
  if (!sent) return yield skipped('message', 'its ts is missing or is not a text "seconds.micros"');
  if (raw.subtype === 'message_changed')
    return yield skipped('message_changed', 'a log of an edit: the message stands in the export in its last form');
  if (raw.subtype === 'message_deleted') {
    const externalId = asText(raw.deleted_ts) ?? asText(asLoose(raw.previous_message).ts);
    if (externalId === undefined) return yield skipped('message_deleted', 'it does not say which message was deleted');
    return yield recordEvent({ type: 'messageDeletion', conversation: conversation.record.externalId, externalId }, at);
  }
  if (times.has(sent.micros)) return yield skipped('message', 'a second message of the same ts in this conversation');
  times.add(sent.micros);
  yield* readMessage(slack, conversation, raw, sent, at);
}

function* readMessage(
  slack: SlackExport,
  conversation: SlackConversation,
  raw: Loose,
  sent: { iso: string; micros: number },
  at: Position,
): Generator<SourceEvent> {
  const { record, people, bot, warnings } = toMessage(raw, sent, conversation.record.externalId, directoryOf(slack), slack.tally);
  if (bot && !slack.seen.has(bot.externalId)) {
    slack.seen.add(bot.externalId);
    yield recordEvent(bot, at);
  }
  yield* meet(slack, people, at, (id) => (id === raw.user ? asLoose(raw.user_profile) : {}));
  for (const message of warnings) yield { kind: 'warning', at, message };
  yield* nulWarnings(record.body ?? '', at);
  yield recordEvent(record, at);
  yield* joining(conversation, raw, sent.iso, at);
  for (const file of filesOf(raw)) yield* ofFile(slack, conversation, raw, file, at);
}

// Only of those who are members still: somebody who joined once may have left, or been removed without a word.
function* joining(conversation: SlackConversation, raw: Loose, joinedAt: string, at: Position): Generator<SourceEvent> {
  const user = asText(raw.user);
  if (user === undefined || !conversation.members.has(user)) return;
  if (raw.subtype !== 'channel_join' && raw.subtype !== 'group_join') return;
  yield recordEvent({ type: 'participant', conversation: conversation.record.externalId, user, joinedAt }, at);
}

/** What people wrote about a file, and which stands in no message: the comment it came with, reactions to it. */
function* ofFile(
  slack: SlackExport,
  conversation: SlackConversation,
  raw: Loose,
  file: Loose,
  at: Position,
): Generator<SourceEvent> {
  for (const reaction of asObjects(file.reactions)) {
    for (const _ of asTexts(reaction.users)) {
      yield { kind: 'skipped', at, what: 'reaction to a file', reason: 'only reactions to messages have a counterpart' };
    }
  }
  const comment = asLoose(file.initial_comment);
  const id = asText(comment.id);
  const words = asText(comment.comment);
  if (id === undefined || words === undefined) return;
  // "… uploaded a file: … and commented: …": the message says it already, and it is listed again with each further message on the file.
  if (slack.seen.has(id) || (asText(raw.text) ?? '').includes(words.trim())) {
    slack.seen.add(id);
    return slack.tally.add('first comment on a file, repeated');
  }
  slack.seen.add(id);
  const author = asText(comment.user);
  const sentAt = readSeconds(comment.timestamp) ?? readSeconds(comment.created);
  if (sentAt === undefined) return yield { kind: 'skipped', at, what: 'first comment on a file', reason: 'it has no time' };
  const { body, mentions } = toPlainText(words, directoryOf(slack), slack.tally);
  yield* meet(slack, [...(author === undefined ? [] : [author]), ...mentions], at);
  const place = {
    type: 'message',
    externalId: `comment:${id}`,
    conversation: conversation.record.externalId,
    kind: 'COMMENT',
  } as const;
  yield recordEvent({ ...place, ...(author === undefined ? {} : { author }), sentAt, body, mentions }, at);
}

/** When an archived channel was archived: the export says it only in a message, as a rule the channel's last. */
export async function archivedAt(
  files: SourceFile[],
  createdAt: string | undefined,
): Promise<{ iso?: string; stated: boolean; message: string }> {
  const last = files.findLast((file) => DAY_FILE.test(posix.basename(file.path)));
  const { archiving, lastMessage } = last ? await endOf(last) : {};
  if (archiving !== undefined) return { iso: archiving, stated: true, message: '' };
  const iso = lastMessage ?? createdAt ?? new Date(0).toISOString();
  return {
    iso,
    stated: false,
    message: 'Archived at a time the export does not say: the time of its last message, or of its making, is taken.',
  };
}

/** What the last day of a channel says of its end; of a file that is broken, what could be read. */
async function endOf(file: SourceFile): Promise<{ archiving?: string; lastMessage?: string }> {
  const end: { archiving?: string; lastMessage?: string } = {};
  try {
    for await (const { entry } of elementsOf(file)) {
      const iso = readTimestamp(entry.ts)?.iso;
      if (iso === undefined) continue;
      end.lastMessage = iso;
      if (entry.subtype === 'channel_archive' || entry.subtype === 'group_archive') end.archiving = iso;
    }
  } catch (error) {
    // It is reported when its messages are read.
    if (!(error instanceof Refusal)) throw error;
  }
  return end;
}
