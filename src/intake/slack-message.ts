import type { Tally } from './tally.ts';
import { asList, asLoose, asObjects, asText, asTexts, type Loose } from './loose.ts';
import { toPlainText, type Directory } from './mrkdwn.ts';
import type { RawRecord } from './records.ts';
import { wordsOf } from './slack-bot.ts';
import { filesOf, isUnavailable, toAttachment } from './slack-file.ts';
import { readTimestamp, type Timestamp } from './slack-time.ts';
import { toBot } from './slack-user.ts';

export type RawMessage = Extract<RawRecord, { type: 'message' }>;

const KINDS: Readonly<Record<string, RawMessage['kind']>> = {
  thread_broadcast: 'TEXT',
  me_message: 'ACTION',
  file_share: 'FILE',
  file_comment: 'COMMENT',
  bot_message: 'BOT',
  tombstone: 'TOMBSTONE',
};

/** Fields that repeat what stands elsewhere, with the person in it: an erasure could not reach them there. */
const COPIES: Readonly<Record<string, string>> = {
  user_profile: 'profile copied into a message',
  root: 'parent copied into a reply',
  parent_user_id: 'author of the parent copied into a reply',
  replies: 'replies listed in their parent',
  reply_users: 'people listed in a thread',
  inviter: 'inviter of a person who joins',
  members: 'members listed in a message',
  topic: 'topic or purpose copied from its message',
  purpose: 'topic or purpose copied from its message',
  pinned_to: 'place where a message is pinned',
  item: 'pinned item copied into a message',
  blocks: 'text repeated as blocks',
  welcome_party_user_id: 'person welcomed by a message',
};

export interface SlackMessage {
  record: RawMessage;
  /** People the record names. */
  people: string[];
  /** Set where the author is an integration without a user of its own. */
  bot?: Extract<RawRecord, { type: 'user' }>;
  warnings: string[];
}

/** One element of a day file, normalised: everyone is named by id, and nobody's data is copied into it. */
export function toMessage(raw: Loose, sent: Timestamp, conversation: string, directory: Directory, tally: Tally): SlackMessage {
  const subtype = asText(raw.subtype);
  countCopies(raw, tally);
  const { author, bot } = authorOf(raw, subtype);
  const { mrkdwn, cards } = wordsOf(raw);
  tally.add('preview of a link or of a message', asObjects(raw.attachments).length - cards);
  const { body, mentions, ambiguous } = toPlainText(mrkdwn || asText(asLoose(raw.comment).comment) || '', directory, tally);
  const { attachments, unavailable, nameless } = attachmentsOf(raw, author, tally);
  const reactions = reactionsOf(raw);
  const thread = asText(raw.thread_ts);
  const edited = readTimestamp(asLoose(raw.edited).ts);
  const record: RawMessage = {
    type: 'message',
    externalId: String(raw.ts),
    conversation,
    ...(author === undefined ? {} : { author }),
    sentAt: sent.iso,
    ...(edited ? { editedAt: edited.iso } : {}),
    ...(thread !== undefined && thread !== raw.ts ? { replyTo: thread } : {}),
    kind: subtype === undefined ? 'TEXT' : ((Object.hasOwn(KINDS, subtype) ? KINDS[subtype] : undefined) ?? 'SYSTEM'),
    body,
    mentions,
    metadata: {
      ...(subtype === undefined ? {} : { subtype }),
      ...flagsOf(raw),
      ...(unavailable > 0 ? { unavailableFiles: unavailable } : {}),
    },
    attachments,
    reactions,
  };
  const warnings = [
    ...(ambiguous ? ['A mention typed by hand cannot be told from a true one of the same person, and is taken for one.'] : []),
    ...(nameless > 0 ? [`${nameless} file(s) without an id are left out.`] : []),
    ...shortReactions(raw),
  ];
  return { record, people: peopleIn(record, bot !== undefined), warnings, ...(bot ? { bot } : {}) };
}

function authorOf(raw: Loose, subtype: string | undefined): { author?: string; bot?: SlackMessage['bot'] } {
  const commenter = subtype === 'file_comment' ? asText(asLoose(raw.comment).user) : undefined;
  const author = asText(raw.user) ?? commenter;
  if (author !== undefined) return { author };
  const bot = toBot(raw);
  return bot ? { author: bot.externalId, bot } : {};
}

function attachmentsOf(raw: Loose, author: string | undefined, tally: Tally) {
  const attachments = new Map<string, ReturnType<typeof toAttachment>>();
  let nameless = 0;
  let unavailable = 0;
  for (const file of filesOf(raw)) {
    const id = asText(file.id);
    if (id === undefined) nameless += 1;
    else attachments.set(id, toAttachment(file, id, author, tally));
    if (isUnavailable(file)) unavailable += 1;
  }
  return { attachments: [...attachments.values()], nameless, unavailable };
}

function reactionsOf(raw: Loose): NonNullable<RawMessage['reactions']> {
  const reactions = new Map<string, { user: string; emoji: string }>();
  for (const reaction of asObjects(raw.reactions)) {
    const emoji = asText(reaction.name);
    if (emoji === undefined) continue;
    for (const user of asTexts(reaction.users)) reactions.set(`${user} ${emoji}`, { user, emoji });
  }
  return [...reactions.values()];
}

// Slack lists only some of many people; who the others were is not in the export.
function shortReactions(raw: Loose): string[] {
  const missing = asObjects(raw.reactions).reduce((sum, reaction) => {
    const said = typeof reaction.count === 'number' ? reaction.count : 0;
    return sum + Math.max(0, said - asTexts(reaction.users).length);
  }, 0);
  return missing > 0 ? [`${missing} reaction(s) are counted by Slack without saying whose they are.`] : [];
}

function flagsOf(raw: Loose): Record<string, boolean> {
  return {
    ...(asList(raw.pinned_to).length > 0 ? { pinned: true } : {}),
    ...(raw.hidden === true ? { hidden: true } : {}),
    ...(raw.is_locked === true ? { locked: true } : {}),
  };
}

function peopleIn(record: RawMessage, byBot: boolean): string[] {
  const author = record.author !== undefined && !byBot ? [record.author] : [];
  const uploaders = (record.attachments ?? []).flatMap((file) => file.uploader ?? []);
  return [...author, ...(record.mentions ?? []), ...(record.reactions ?? []).map((reaction) => reaction.user), ...uploaders];
}

function countCopies(raw: Loose, tally: Tally): void {
  for (const [field, what] of Object.entries(COPIES)) {
    const value = raw[field];
    if (value !== undefined && value !== null && value !== '') tally.add(what, Array.isArray(value) ? value.length : 1);
  }
  if (asText(asLoose(raw.edited).user) !== undefined) tally.add('person who edited a message');
  if (asText(raw.username) !== undefined && raw.subtype !== 'bot_message') tally.add('name copied into a message');
}
