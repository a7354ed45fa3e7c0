import { ERASED_MENTION, mentionedIds, renderMentions } from '../../data/mention.ts';
import type { DIRECTIONS, MESSAGE_KINDS, RawRecord } from '../../intake/records.ts';
import { boundedPage, bytesOf } from '../../database/page-bytes.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import type { Session } from '../../scope/in-scope.ts';
import { isoTime, toIso } from './iso-time.ts';
import { grouped, leaveOut, opener, present, type AppWalk, type Records } from './app-walk.ts';

interface MessageRow {
  id: string;
  conversationId: string;
  authorId: string | null;
  subjectId: string | null;
  owner: string;
  externalId: string;
  sentAt: string;
  editedAt: string | null;
  replyTo: string | null;
  channel: string | null;
  direction: (typeof DIRECTIONS)[number] | null;
  kind: (typeof MESSAGE_KINDS)[number];
  campaignId: string | null;
  body: Buffer | null;
  metadata: Buffer | null;
}
interface AttachmentRow {
  id: string;
  messageId: string;
  subjectId: string | null;
  owner: string;
  externalId: string;
  name: Buffer | null;
  url: Buffer | null;
  contentType: string | null;
  size: number | null;
  sha256: string | null;
  stored: boolean;
}
interface ReactionRow {
  messageId: string;
  userId: string;
  emoji: string;
  reactedAt: string | null;
}

/** Where the content of an attachment lies in the export. */
export const filePath = (attachmentId: string): string => `files/${attachmentId}`;

/** Messages, oldest first, with mentions, reactions and attachments; a deleted one as a tombstone that keeps its place. */
export const MESSAGES: Records<MessageRow> = {
  read: async ({ db, scope }, { appId }, after) =>
    (await db.query(
      boundedPage({
        list: `m.id, m.conversation_id as "conversationId", m.author_id as "authorId", m.subject_id as "subjectId", coalesce(m.subject_id, m.conversation_id) as owner,
         m.external_id as "externalId", ${isoTime('m.sent_at')} as "sentAt", ${isoTime('m.edited_at')} as "editedAt", coalesce(p.external_id, m.reply_to_external) as "replyTo",
         m.channel, m.direction, m.kind, m.campaign_id as "campaignId", m.body, m.metadata`,
        from: `from messages m left join messages p on p.tenant_id = m.tenant_id and p.id = m.reply_to_id
          where m.tenant_id = $1 and m.app_id = $2 and m.id > $3`,
        order: 'm.id',
        limit: 1000,
        bytes: bytesOf(['m.body', 'm.metadata']),
      }),
      [scope.tenantId, appId, after],
    )) as MessageRow[],
  tell: async (session, walk, rows) => {
    const { db, scope, system } = session;
    const parts = await partsOf(
      session,
      rows.map((row) => row.id),
    );
    const owners = [...rows.map((row) => row.owner), ...[...parts.attachments.values()].flat().map((row) => row.owner)];
    const keys = await subjectKeys(system.keys, db, scope.tenantId, owners);
    const open = opener(scope.tenantId, keys);
    // Of files whose owner was erased nothing is told, also where the erasure's job has not come to them yet.
    for (const [id, list] of parts.attachments) {
      const kept = list.filter((one) => keys.has(one.owner));
      if (kept.length < list.length)
        leaveOut(walk, 'attachments of somebody whose erasure is at work', list.length - kept.length);
      parts.attachments.set(id, kept);
    }
    const bodies = new Map(rows.map((row) => [row.id, open(row.owner, 'messages.body', row.id, row.body)]));
    await walk.names.conversations(
      session,
      rows.map((row) => row.conversationId),
    );
    await walk.names.users(session, [
      ...rows.flatMap((row) => [row.authorId, ...mentionedIds(bodies.get(row.id) ?? '')]),
      ...[...parts.mentions.values(), ...parts.reactions.values()].flat().map((row) => row.userId),
      ...[...parts.attachments.values()].flat().map((row) => row.subjectId),
    ]);
    return rows.flatMap((row) => messageRecord(walk, row, bodies.get(row.id), parts, open));
  },
};

async function partsOf({ db, scope }: Session, ids: readonly string[]) {
  const of = async <T extends { messageId: string }>(sql: string): Promise<Map<string, T[]>> =>
    grouped((await db.query(sql, [scope.tenantId, ids])) as T[], (row) => row.messageId);
  return {
    mentions: await of<{ messageId: string; userId: string }>(
      'select message_id as "messageId", user_id as "userId" from mentions where tenant_id = $1 and message_id = any ($2) order by 1, 2',
    ),
    reactions: await of<ReactionRow>(
      `select message_id as "messageId", user_id as "userId", emoji, ${isoTime('reacted_at')} as "reactedAt" from reactions where tenant_id = $1 and message_id = any ($2)
       order by message_id, reacted_at, user_id, emoji`,
    ),
    attachments: await of<AttachmentRow>(
      `select id, message_id as "messageId", subject_id as "subjectId", coalesce(subject_id, conversation_id) as owner, external_id as "externalId", name, url,
         content_type as "contentType", size::float8 as size, sha256, stored
       from attachments where tenant_id = $1 and message_id = any ($2) order by id`,
    ),
  };
}

type Parts = Awaited<ReturnType<typeof partsOf>>;
type Open = ReturnType<typeof opener>;

function messageRecord(walk: AppWalk, row: MessageRow, body: string | undefined, parts: Parts, open: Open): RawRecord[] {
  const { names } = walk;
  const conversation = names.conversation(row.conversationId);
  if (conversation === undefined || (row.body && body === undefined)) {
    leaveOut(walk, 'messages of somebody whose erasure is at work');
    return [];
  }
  const mentioned = [...(parts.mentions.get(row.id) ?? []).map(({ userId }) => userId), ...mentionedIds(body ?? '')];
  const mentions = [...new Set(mentioned.flatMap((id) => names.user(id) ?? []))];
  const metadata = open(row.owner, 'messages.metadata', row.id, row.metadata);
  const reactions = (parts.reactions.get(row.id) ?? []).flatMap(({ userId, emoji, reactedAt }) => {
    const user = names.user(userId);
    return user === undefined ? [] : [present({ user, emoji, reactedAt: toIso(reactedAt) })];
  });
  const attachments = (parts.attachments.get(row.id) ?? []).map((one) => attachmentRecord(walk, row, one, open));
  return [
    present({
      type: 'message' as const,
      externalId: row.externalId,
      conversation,
      author: names.user(row.authorId),
      sentAt: toIso(row.sentAt),
      editedAt: toIso(row.editedAt),
      replyTo: row.replyTo,
      channel: row.channel,
      direction: row.direction,
      kind: row.kind,
      body: body === undefined ? undefined : renderMentions(body, (id) => mention(names.user(id))),
      mentions: mentions.length ? mentions : undefined,
      metadata: metadata === undefined ? undefined : (JSON.parse(metadata) as Record<string, never>),
      campaignId: row.campaignId,
      attachments: attachments.length ? attachments : undefined,
      reactions: reactions.length ? reactions : undefined,
    }) as RawRecord,
  ];
}

const mention = (name: string | undefined): string => (name === undefined ? ERASED_MENTION : `<@${name}>`);

function attachmentRecord(walk: AppWalk, message: MessageRow, row: AttachmentRow, open: Open) {
  return present({
    externalId: row.externalId,
    name: open(row.owner, 'attachments.name', row.id, row.name),
    contentType: row.contentType,
    size: row.size,
    sha256: row.sha256,
    uploader: row.subjectId === message.subjectId ? undefined : walk.names.user(row.subjectId),
    url: open(row.owner, 'attachments.url', row.id, row.url),
    path: row.stored ? filePath(row.id) : undefined,
  });
}
