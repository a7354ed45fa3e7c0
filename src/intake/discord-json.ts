import { parseBounded } from './bounded-json.ts';
import { nulWarnings, recordEvent } from './checked-event.ts';
import { attached } from './discord-attachment.ts';
import { begin } from './discord-csv.ts';
import type { ChannelFile } from './discord-file.ts';
import {
  COPIES,
  asSighting,
  headOf,
  isWritten,
  messageOf,
  reactionsOf,
  withMentions,
  type JsonMessage,
} from './discord-json-message.ts';
import { seen, takesPart, type ConversationKind, type Reading } from './discord-people.ts';
import { jsonElements } from './json-elements.ts';
import type { Position, SourceEvent } from './records.ts';

const PROGRESS_BYTES = 4 << 20;

/** One JSON file of a channel. `from` and `total`: bytes, for the progress of the whole import. */
export async function* discordJson(
  reading: Reading,
  { file }: ChannelFile,
  { from, total }: { from: number; total: number },
): AsyncGenerator<SourceEvent> {
  let conversation: string | undefined;
  let reported = 0;
  for await (const part of jsonElements(file, 'messages')) {
    if (part.kind === 'head') {
      const channel = channelOf(part.text);
      if (!channel) break;
      conversation = channel.externalId;
      if (channel.nameless) reading.dropped.add('name of a direct channel');
      yield* begin(
        reading,
        { externalId: channel.externalId, kind: channel.kind, ...(channel.name && { name: channel.name }) },
        { file: file.path },
      );
      if (channel.topic)
        yield { kind: 'skipped', at: { file: file.path }, what: 'channel topic', reason: 'A conversation has no topic here.' };
    } else if (part.kind === 'element' && conversation) {
      yield* element(reading, conversation, part.text, { file: file.path, item: part.item });
      if (part.bytes - reported < PROGRESS_BYTES) continue;
      reported = part.bytes;
      yield { kind: 'progress', done: from + part.bytes, total };
    } else if (part.kind === 'end' && !part.complete) {
      yield { kind: 'skipped', at: { file: file.path }, what: 'file', reason: 'The file ends too early: messages are missing.' };
    }
  }
  if (!conversation) yield { kind: 'skipped', at: { file: file.path }, what: 'file', reason: 'It is no Discord JSON export.' };
}

const KINDS: Record<string, ConversationKind> = {
  DirectTextChat: 'DIRECT',
  DirectGroupTextChat: 'PRIVATE_GROUP',
  GuildPrivateThread: 'PRIVATE_GROUP',
};

/** The names of direct channels are those of the people in them, so they are left out. */
function channelOf(head: string) {
  const { data } = headOf.safeParse(jsonOf(head));
  if (!data) return undefined;
  const { id, type, name, topic } = data.channel;
  const direct = type?.startsWith('Direct');
  const kind = (Object.hasOwn(KINDS, type ?? '') ? KINDS[type ?? ''] : undefined) ?? 'PUBLIC_GROUP';
  const shown = direct ? undefined : name?.slice(0, 512);
  return { externalId: id, kind, topic, name: shown, nameless: direct };
}

function jsonOf(text: string): unknown {
  const read = parseBounded(text);
  return 'value' in read ? read.value : undefined;
}

async function* element(reading: Reading, conversation: string, text: string, at: Position): AsyncGenerator<SourceEvent> {
  const raw = jsonOf(text);
  const { data, error } = messageOf.safeParse(raw);
  if (!data) {
    const issue = error.issues[0];
    const reason =
      raw === undefined
        ? 'It is not valid JSON, or nested too deeply.'
        : `${issue?.path.join('.')} is missing or malformed (${issue?.code})`;
    return yield { kind: 'skipped', at, what: 'message', reason };
  }
  for (const copy of COPIES) {
    const value = (raw as Record<string, unknown>)[copy];
    reading.dropped.add(copy, Array.isArray(value) ? value.length : value ? 1 : 0);
  }
  yield* people(reading, data, at);
  yield* takesPart(reading, conversation, data.author.id, at);
  yield* nulWarnings(data.content, at);
  yield* message(reading, conversation, data, {
    at,
    forwarded: Boolean((raw as { forwardedMessage?: unknown }).forwardedMessage),
  });
  if (data.type === 'Call') yield call(conversation, data, at);
}

function* people(reading: Reading, data: JsonMessage, at: Position): Generator<SourceEvent> {
  const reactors = (data.reactions ?? []).flatMap((reaction) => reaction.users ?? []);
  const sentAt = Date.parse(data.timestamp);
  for (const user of [data.author, ...(data.mentions ?? []), ...reactors]) yield* seen(reading, asSighting(user), sentAt, at);
}

async function* message(
  reading: Reading,
  conversation: string,
  data: JsonMessage,
  { at, forwarded }: { at: Position; forwarded: boolean },
): AsyncGenerator<SourceEvent> {
  const links = (data.attachments ?? []).map(({ id, url, fileName, fileSizeBytes }) => ({
    id,
    url,
    name: fileName ?? undefined,
    size: fileSizeBytes ?? undefined,
  }));
  const { attachments, content, stripped, missing } = await attached(reading.source, at.file, data.id, links);
  reading.dropped.add('attachment link credentials', stripped);
  if (missing > 0)
    yield { kind: 'warning', at, message: 'A file of an attachment is not in the export: held without its content.' };
  const { reactions, reactionCounts } = reactionsOf(data);
  const { messageId, channelId } = data.reference ?? {};
  const answers = messageId && !forwarded && (channelId ?? conversation) === conversation ? messageId : undefined;
  yield recordEvent(
    {
      type: 'message',
      externalId: data.id,
      conversation,
      author: data.author.id,
      sentAt: isoOf(data.timestamp),
      ...(data.timestampEdited && { editedAt: isoOf(data.timestampEdited) }),
      ...(answers && { replyTo: answers }),
      kind: !isWritten(data.type) ? 'SYSTEM' : data.author.isBot ? 'BOT' : 'TEXT',
      ...withMentions(data),
      metadata: {
        ...(data.isPinned && { pinned: true }),
        ...(Object.keys(reactionCounts).length > 0 && { reactionCounts }),
      },
      attachments,
      reactions,
    },
    at,
    content,
  );
}

/** Discord's exports say who called and when it ended, not who else was there. */
function call(conversation: string, data: JsonMessage, at: Position): SourceEvent {
  return recordEvent(
    {
      type: 'call',
      externalId: data.id,
      conversation,
      initiator: data.author.id,
      startedAt: isoOf(data.timestamp),
      ...(data.callEndedTimestamp && { endedAt: isoOf(data.callEndedTimestamp) }),
      participants: [{ user: data.author.id }],
    },
    at,
  );
}

const isoOf = (time: string): string => new Date(time).toISOString();
