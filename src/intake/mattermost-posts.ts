import { hash } from 'node:crypto';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { nulWarnings, recordEvent } from './checked-event.ts';
import { attachmentOfPost, dropUnread, faultOf, isoTime, reactionOfPost, saidLine } from './mattermost-lines.ts';
import { named, type Reading } from './mattermost-people.ts';
import type { Position, RawRecord, SourceEvent } from './records.ts';

type RawMessage = Extract<RawRecord, { type: 'message' }>;
type Content = Map<string, () => Promise<Readable>>;

/** A post or a reply, with what hangs on it; its replies follow as messages of their own. `keys`: the line's keys that name the conversation. */
export async function* post(
  reading: Reading,
  said: { conversation: string; raw: unknown; keys: Record<string, unknown>; what: string; replyTo?: string | undefined },
  at: Position,
): AsyncGenerator<SourceEvent> {
  const { conversation, raw, what, replyTo } = said;
  const { data, error } = saidLine.safeParse(raw);
  const sentAt = isoTime(data?.create_at);
  let externalId: string | undefined;
  if (!data || !sentAt) {
    yield { kind: 'skipped', at, what, reason: error ? faultOf(error) : 'create_at is no time.' };
  } else {
    dropUnread(reading.dropped, what, raw, said.keys);
    const author = yield* named(reading, data.user, at);
    externalId = postId(reading, conversation, author, data.create_at);
    const editedAt = isoTime(data.edit_at);
    const { attachments, content } = yield* attached(reading, data.attachments ?? [], at);
    const reactions = yield* reacted(reading, data.reactions ?? [], at);
    yield* nulWarnings(data.message, at);
    yield recordEvent(
      {
        type: 'message',
        externalId,
        conversation,
        author,
        sentAt,
        ...(editedAt && { editedAt }),
        ...(replyTo && { replyTo }),
        kind: kindOf(data.type ?? '', reading.bots.has(author)),
        ...withMentions(data.message, reading.people),
        ...(data.is_pinned && { metadata: { pinned: true } }),
        attachments,
        reactions,
      },
      at,
      content,
    );
  }
  // The replies of a post that cannot be read are still their authors' words. A thread is flat: a reply has none.
  const replies = (raw as { replies?: unknown } | null)?.replies;
  for (const reply of Array.isArray(replies) ? replies : []) {
    if (what === 'reply') yield { kind: 'skipped', at, what, reason: 'A reply cannot have replies.' };
    else yield* post(reading, { conversation, raw: reply, keys: saidLine.shape, what: 'reply', replyTo: externalId }, at);
  }
}

const kindOf = (type: string, byBot: boolean): RawMessage['kind'] =>
  type.startsWith('system_') ? 'SYSTEM' : type === 'me' ? 'ACTION' : byBot ? 'BOT' : 'TEXT';

/**
 * Posts have no ids. Time and author, in their conversation, tell all but posts of the same millisecond apart; those are counted. The author
 * stands in it as a hash, since ids outlive an erasure, and the text not at all, since it may be edited before the next export.
 */
function postId(reading: Reading, conversation: string, author: string, createAt: number): string {
  const posts = reading.posts.get(conversation) ?? new Map<number, number>();
  reading.posts.set(conversation, posts);
  // 48 bits of a hash instead of the name: a quarter of the memory, which grows with the export here and nowhere else.
  const key = Number.parseInt(hash('sha256', `${createAt}\n${author}`).slice(0, 12), 16);
  const nth = (posts.get(key) ?? 0) + 1;
  posts.set(key, nth);
  return `${createAt}-${hash('sha256', `${author}\n${nth}`).slice(0, 16)}`;
}

const LONGEST_NAME = 256;

/** `@username` of somebody known becomes a mention; the dot of a sentence is not part of the name, nor is an e-mail address a mention. */
function withMentions(text: string, people: ReadonlySet<string>): { body: string; mentions: string[] } {
  const mentions = new Set<string>();
  const body = text.replace(/(?<![\p{L}\p{N}])@([a-z0-9._-]+)/giu, (whole, candidate: string) => {
    // Nobody's name is longer than an external id may be; what is cut off here can only have been punctuation.
    if (!/^[._-]*$/.test(candidate.slice(LONGEST_NAME))) return whole;
    let name = candidate.slice(0, LONGEST_NAME).toLowerCase();
    while (!people.has(name) && /[._-]$/.test(name)) name = name.slice(0, -1);
    if (!people.has(name)) return whole;
    mentions.add(name);
    return `<@${name}>${candidate.slice(name.length)}`;
  });
  return { body, mentions: [...mentions] };
}

function* reacted(reading: Reading, raws: unknown[], at: Position): Generator<SourceEvent, NonNullable<RawMessage['reactions']>> {
  const reactions: NonNullable<RawMessage['reactions']> = [];
  for (const raw of raws) {
    const { data, error } = reactionOfPost.safeParse(raw);
    if (!data) {
      yield { kind: 'skipped', at, what: 'reaction', reason: faultOf(error) };
      continue;
    }
    dropUnread(reading.dropped, 'reaction', raw, reactionOfPost.shape);
    const reactedAt = isoTime(data.create_at);
    const user = yield* named(reading, data.user, at);
    reactions.push({ user, emoji: data.emoji_name, ...(reactedAt && { reactedAt }) });
  }
  return reactions;
}

/** As many as a native message may have: each is looked for in the source. */
const MOST_ATTACHMENTS = 1000;

async function* attached(
  reading: Reading,
  raws: unknown[],
  at: Position,
): AsyncGenerator<SourceEvent, { attachments: NonNullable<RawMessage['attachments']>; content: Content }> {
  const attachments: NonNullable<RawMessage['attachments']> = [];
  const content: Content = new Map();
  for (const [index, raw] of raws.entries()) {
    if (index === MOST_ATTACHMENTS) {
      yield { kind: 'skipped', at, what: 'attachment', reason: `A post has more than ${MOST_ATTACHMENTS} attachments.` };
      break;
    }
    const { data, error } = attachmentOfPost.safeParse(raw);
    if (!data) {
      yield { kind: 'skipped', at, what: 'attachment', reason: faultOf(error) };
      continue;
    }
    const file = await contentOf(reading, data.path);
    if (!file)
      yield { kind: 'warning', at, message: 'The file of an attachment is not in the export: held without its content.' };
    const id = fileId(data.path);
    const again = attachments.filter((attachment) => attachment.externalId.startsWith(id)).length;
    const externalId = again === 0 ? id : `${id}-${again + 1}`;
    attachments.push({ externalId, name: posix.basename(data.path), ...(file && { size: file.size }) });
    if (file) content.set(externalId, () => file.open());
  }
  return { attachments, content };
}

/** Attachments lie in `data/`, and only there: a path must not fetch another part of the export, let alone of the machine. */
async function contentOf({ source, folder }: Reading, path: string) {
  if (path.split(/[/\\]/).includes('..')) return undefined;
  return (
    (await source.find(posix.join(folder, 'data', path))) ??
    (path.startsWith('data/') ? await source.find(posix.join(folder, path)) : undefined)
  );
}

/** Mattermost's own 26-character id, the folder the file lies in; else a hash of the path, since file names hold people's names. */
function fileId(path: string): string {
  const folder = posix.basename(posix.dirname(path));
  return /^[a-z0-9]{26}$/.test(folder) ? folder : hash('sha256', path).slice(0, 32);
}
