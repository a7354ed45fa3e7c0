import { arrayOf } from '../../database/arrays.ts';
import type { BatchLoad } from '../../scope/context.ts';
import type { Session } from '../../scope/in-scope.ts';
import { fewIds, shareable } from '../../scope/shared-reads.ts';
import { enterConversations, enterOwnConversations, tookPart } from '../conversation/conversation.queries.ts';
import { direction, fewPages, inOrder, loadPages, within, type Window } from '../page.ts';
import { short } from '../sealed-field.ts';
import type { Message, Reaction } from './message.entity.ts';

const BRIEF_COLUMNS = `m.id, m.sent_at as "sentAt", m.conversation_id as "conversationId", m.author_id as "authorId", m.subject_id as "subjectId", ${short('m.body')} as "sealedBody"`;
const COLUMNS = `${BRIEF_COLUMNS}, m.external_id as "externalId", m.edited_at as "editedAt", m.deleted_at as "deletedAt", m.kind, m.channel, m.direction,
  m.campaign_id as "campaignId", m.reply_to_id as "replyToId", ${short('m.metadata')} as "sealedMetadata"`;

/** The fields of a message that need no more than those columns: all that a chat is shown by. */
const BRIEF = new Set([
  '__typename',
  'id',
  'sentAt',
  'body',
  'author',
  'conversation',
  'mentions',
  'reactions',
  'replies',
  'replyCount',
]);

/** Whether a page may be read without the other columns. */
export const isBrief = (asked: ReadonlySet<string>): boolean => [...asked].every((name) => BRIEF.has(name));

/**
 * What a person's own token reads of the messages that are open to it (`user` is the number of the parameter with their id): their own,
 * and others' of the time in which they took part. Every statement on messages goes through it; row-level security opens whole conversations only.
 */
const readable = ({ scope }: Session, user: number): { where: string; parameters: unknown[] } =>
  scope.level === 'user'
    ? {
        where: `and (m.subject_id = $${user} or m.author_id = $${user} or exists (select 1 from participants me
          where me.tenant_id = $1 and me.conversation_id = m.conversation_id and me.user_id = $${user} and ${tookPart('me', 'm.sent_at')}))`,
        parameters: [scope.userId],
      }
    : { where: '', parameters: [] };

/** Which messages a list is of. A person's are two lists, each with its index: what is theirs, and what they wrote to somebody else. */
const LISTS = {
  all: ['true'],
  conversation: ['m.conversation_id = parent.id'],
  person: ['m.subject_id = parent.id', 'm.author_id = parent.id and m.author_id <> m.subject_id'],
  replies: ['m.reply_to_id = parent.id'],
} as const;

async function readPages(
  session: Session,
  list: keyof typeof LISTS,
  parents: readonly string[],
  window: Window,
): Promise<(Message & { parent: string })[]> {
  const { where, parameters } = readable(session, 6);
  // What somebody wrote to a customer is the customer's, and open to who wrote it with the conversation; so is what hangs on a person's own messages.
  if (list === 'person') await enterOwnConversations(session);
  const pages = LISTS[list].map(
    (
      belongs,
    ) => `(select ${window.brief ? BRIEF_COLUMNS : COLUMNS} from messages m where m.tenant_id = $1 and ${belongs} and ${within(window, 'm.id', 3)} ${where}
       order by m.id ${direction(window)} limit $5)`,
  );
  return (await session.db.query(
    `select parent.id as parent, m.* from unnest($2::uuid[]) as parent (id) cross join lateral (${pages.join(' union all ')}) m`,
    [session.scope.tenantId, arrayOf('uuid', parents), window.lower, window.upper, window.limit, ...parameters],
  )) as (Message & { parent: string })[];
}

const pagesOf =
  (list: 'conversation' | 'person' | 'replies'): BatchLoad<Message[]> =>
  (session, keys) =>
    loadPages<Message>(
      keys,
      (parents, window) => readPages(session, list, parents, window),
      (row) => row.id,
    );

/** Pages by conversation; to a person's own token the conversation was opened by whoever found it. */
export const loadConversationMessages = shareable(fewPages, pagesOf('conversation'));
export const loadPersonMessages = shareable(fewPages, pagesOf('person'));
export const loadReplies = pagesOf('replies');

const ANYTHING = '00000000-0000-0000-0000-000000000000';

/** A page of all messages in scope, whatever conversation they are in. */
export async function pageOfMessages(session: Session, window: Window): Promise<Message[]> {
  return inOrder(await readPages(session, 'all', [ANYTHING], window), window, (row) => row.id);
}

export const loadMessages = shareable<Message>(fewIds, async (session, ids) => {
  const found = new Map<string, Message>();
  const read = async (wanted: readonly string[]): Promise<void> => {
    const { where, parameters } = readable(session, 3);
    const rows = (await session.db.query(
      `select ${COLUMNS} from messages m where m.tenant_id = $1 and m.id = any ($2) ${where}`,
      [session.scope.tenantId, wanted, ...parameters],
    )) as Message[];
    for (const row of rows) found.set(row.id, row);
  };
  await read(ids);
  const missing = ids.filter((id) => !found.has(id));
  if (session.scope.level === 'user') {
    if (missing.length) {
      await enterOwnConversations(session);
      await read(missing);
    } else await enterConversations(session, [...new Set([...found.values()].map((row) => row.conversationId))]);
  }
  return ids.map((id) => found.get(id));
});

export const loadReplyCounts: BatchLoad<number> = async (session, ids) => {
  const { where, parameters } = readable(session, 3);
  const rows = (await session.db.query(
    `select m.reply_to_id as id, count(*)::int as count from messages m where m.tenant_id = $1 and m.reply_to_id = any ($2) ${where} group by m.reply_to_id`,
    [session.scope.tenantId, ids, ...parameters],
  )) as { id: string; count: number }[];
  const counts = new Map(rows.map((row) => [row.id, row.count]));
  return ids.map((id) => counts.get(id) ?? 0);
};

function byMessage<T extends { messageId: string }>(ids: readonly string[], rows: readonly T[]): T[][] {
  const lists = new Map<string, T[]>(ids.map((id) => [id, []]));
  for (const row of rows) lists.get(row.messageId)?.push(row);
  return ids.map((id) => lists.get(id)!);
}

/** Whom messages mention, by message. Somebody who was erased is not among them any more. */
export const loadMentioned: BatchLoad<string[]> = async ({ db, scope }, ids) => {
  const rows = (await db.query(
    'select message_id as "messageId", user_id as "userId" from mentions where tenant_id = $1 and message_id = any ($2) order by user_id',
    [scope.tenantId, ids],
  )) as { messageId: string; userId: string }[];
  return byMessage(ids, rows).map((list) => list.map((row) => row.userId));
};

export const loadReactions: BatchLoad<Reaction[]> = async ({ db, scope }, ids) =>
  byMessage(
    ids,
    (await db.query(
      `select message_id as "messageId", user_id as "userId", emoji, reacted_at as "reactedAt" from reactions
       where tenant_id = $1 and message_id = any ($2) order by reacted_at nulls last, user_id, emoji`,
      [scope.tenantId, ids],
    )) as Reaction[],
  );
