import { uuidv7 } from '../database/uuid.ts';
import { mentionedIds, storeMentions } from '../data/mention.ts';
import { place } from '../data/place.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { seal } from '../keys/sealed-value.ts';
import { count, ERASED_REASON, skip, timeOrNull, type Batch, type Item, type RecordOf } from './batch.ts';
import { ingestAttachments } from './ingest-attachments.ts';
import { columns } from './ingest-users.ts';

/** A message that a batch accepted, with who is who. */
export interface Accepted {
  id: string;
  item: Item<'message'>;
  record: RecordOf<'message'>;
  conversationId: string;
  authorId: string | null;
  subjectId: string | null;
  /** False where the message was there already. */
  created: boolean;
}

/** The id of whose key seals a message: its subject's, or its conversation's where nobody is known to have written it. */
export const sealingId = (row: { subjectId: string | null; conversationId: string }): string => row.subjectId ?? row.conversationId;

/** Takes messages over with their mentions, reactions and attachments. One that is there already is edited if the record is a later edit of it. */
export async function ingestMessages(batch: Batch, items: readonly Item<'message'>[]): Promise<void> {
  const accepted = new Map<string, Accepted>();
  for (const item of items) {
    const message = accept(batch, item);
    if (!message) continue;
    const name = `${message.conversationId}/${message.record.externalId}`;
    if (accepted.has(name)) count(batch, 'message', 'unchanged');
    else accepted.set(name, message);
  }
  const messages = [...accepted.values()];
  if (!messages.length) return;
  const { db, scope, system } = batch.session;
  const keys = await subjectKeys(system.keys, db, scope.tenantId, messages.map(sealingId));
  const readable = messages.filter((message) => keys.has(sealingId(message)) || (skip(batch, message.item, 'message', ERASED_REASON), false));
  await insertMessages(batch, readable, keys);
  await linkReplies(batch, readable.filter((message) => message.created));
  const there = readable.filter((message) => message.id);
  await insertMentions(batch, there.map((message) => ({ ...message, mentions: message.record.mentions })));
  await insertReactions(batch, there.flatMap((message) => message.record.reactions.map((reaction) => ({ ...message, ...reaction }))));
  await ingestAttachments(batch, there);
}

function accept(batch: Batch, item: Item<'message'>): Accepted | undefined {
  const { record } = item;
  const refuse = (reason: string): undefined => {
    skip(batch, item, 'message', reason);
  };
  const conversation = batch.conversations.get(record.conversation);
  if (!conversation) return refuse('no conversation of this external id');
  if (conversation.kind === 'ERASED') return refuse('the conversation was erased');
  const author = record.author === undefined ? undefined : batch.users.get(record.author);
  if (record.author !== undefined && !author) return refuse('author: no user of this external id');
  if (author?.erased) return refuse(ERASED_REASON);
  const unknown = record.mentions.find((name) => !batch.users.has(name));
  if (unknown !== undefined) return refuse('mentions: no user of this external id');
  if (conversation.kind === 'PERSONAL' && !conversation.subjectId && author?.kind !== 'END_USER') return refuse('the personal conversation has no end user among its participants');
  const subjectId = conversation.subjectId ?? author?.id ?? null;
  const id = uuidv7(Date.parse(record.sentAt));
  return { id, item, record, conversationId: conversation.id, authorId: author?.id ?? null, subjectId, created: false };
}

async function insertMessages(batch: Batch, messages: readonly Accepted[], keys: ReadonlyMap<string, Buffer>): Promise<void> {
  const { db, scope } = batch.session;
  const idOf = (externalId: string): string | undefined => batch.users.get(externalId)?.id;
  const rows = (await db.query(
    `insert into messages (tenant_id, app_id, id, conversation_id, author_id, subject_id, sent_at, edited_at, deleted_at, reply_to_external, channel, direction, kind,
       external_id, campaign_id, body, metadata)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::text[],
       $13::text[], $14::text[], $15::text[], $16::bytea[], $17::bytea[])
     on conflict (tenant_id, conversation_id, external_id) do nothing returning id`,
    columns(batch, messages, (message) => {
      const { record } = message;
      const owner = sealingId(message);
      const key = keys.get(owner)!;
      const gone = record.kind === 'TOMBSTONE';
      return [
        message.id,
        message.conversationId,
        message.authorId,
        message.subjectId,
        record.sentAt,
        timeOrNull(record.editedAt),
        gone ? record.sentAt : null,
        record.replyTo ?? null,
        record.channel ?? null,
        record.direction ?? null,
        record.kind,
        record.externalId,
        record.campaignId ?? null,
        gone ? null : seal(key, place(scope.tenantId, owner, 'messages.body', message.id), storeMentions(record.body, record.mentions, idOf)),
        Object.keys(record.metadata).length ? seal(key, place(scope.tenantId, owner, 'messages.metadata', message.id), JSON.stringify(record.metadata)) : null,
      ];
    }),
  )) as { id: string }[];
  const created = new Set(rows.map((row) => row.id));
  for (const message of messages) message.created = created.has(message.id);
  count(batch, 'message', 'created', created.size);
  await meetExisting(batch, messages.filter((message) => !message.created), keys);
}

/** Messages that are there already: takes over a later edit, leaves the rest as it is, and learns their ids. */
async function meetExisting(batch: Batch, messages: readonly Accepted[], keys: ReadonlyMap<string, Buffer>): Promise<void> {
  if (!messages.length) return;
  const { db, scope } = batch.session;
  const rows = (await db.query(
    `select m.id, m.conversation_id, m.external_id, m.edited_at, m.subject_id, m.deleted_at is not null as gone
     from unnest($2::uuid[], $3::text[]) as wanted (conversation_id, external_id)
     join messages m on m.tenant_id = $1 and m.conversation_id = wanted.conversation_id and m.external_id = wanted.external_id`,
    [scope.tenantId, messages.map((message) => message.conversationId), messages.map((message) => message.record.externalId)],
  )) as { id: string; conversation_id: string; external_id: string; edited_at: Date | null; subject_id: string | null; gone: boolean }[];
  const stored = new Map(rows.map((row) => [`${row.conversation_id}/${row.external_id}`, row]));
  for (const message of messages) {
    const row = stored.get(`${message.conversationId}/${message.record.externalId}`);
    message.id = row && !row.gone ? row.id : '';
    const editedAt = message.record.editedAt;
    if (message.id && editedAt && (row!.edited_at?.getTime() ?? 0) < Date.parse(editedAt) && row!.subject_id === message.subjectId) {
      await writeEdit(batch, { id: message.id, subjectId: message.subjectId, conversationId: message.conversationId }, { ...message.record, editedAt }, keys.get(sealingId(message))!);
      count(batch, 'message', 'updated');
    } else count(batch, 'message', 'unchanged');
  }
}

/** Puts a new text in a message's place, and its mentions in place of the old ones. */
export async function writeEdit(
  batch: Batch,
  message: { id: string; subjectId: string | null; conversationId: string },
  edit: { body: string; mentions: readonly string[]; editedAt: string },
  key: Buffer,
): Promise<void> {
  const { db, scope } = batch.session;
  const body = storeMentions(edit.body, edit.mentions, (externalId) => batch.users.get(externalId)?.id);
  await db.query('update messages set body = $3, edited_at = $4 where tenant_id = $1 and id = $2', [
    scope.tenantId,
    message.id,
    seal(key, place(scope.tenantId, sealingId(message), 'messages.body', message.id), body),
    edit.editedAt,
  ]);
  await db.query('delete from mentions where tenant_id = $1 and message_id = $2 and not user_id = any ($3)', [scope.tenantId, message.id, mentionedIds(body)]);
  await insertMentions(batch, [{ ...message, mentions: edit.mentions }]);
}

/** Ties replies to what they answer, whichever of the two came first. */
async function linkReplies(batch: Batch, created: readonly Accepted[]): Promise<void> {
  if (!created.length) return;
  const { db, scope } = batch.session;
  if (created.some((message) => message.record.replyTo !== undefined)) {
    await db.query(
      `update messages m set reply_to_id = p.id, reply_to_external = null from messages p
       where m.tenant_id = $1 and m.id = any ($2) and m.reply_to_external is not null
         and p.tenant_id = $1 and p.conversation_id = m.conversation_id and p.external_id = m.reply_to_external`,
      [scope.tenantId, created.filter((message) => message.record.replyTo !== undefined).map((message) => message.id)],
    );
  }
  await db.query(
    `update messages m set reply_to_id = p.id, reply_to_external = null from unnest($2::uuid[], $3::uuid[], $4::text[]) as p (id, conversation_id, external_id)
     where m.tenant_id = $1 and m.conversation_id = p.conversation_id and m.reply_to_external = p.external_id`,
    [scope.tenantId, created.map((message) => message.id), created.map((message) => message.conversationId), created.map((message) => message.record.externalId)],
  );
}

export async function insertMentions(batch: Batch, messages: readonly { id: string; conversationId: string; mentions: readonly string[] }[]): Promise<void> {
  const rows = messages.flatMap((message) =>
    [...new Set(message.mentions)].flatMap((name) => {
      const user = batch.users.get(name);
      return user && !user.erased ? [{ messageId: message.id, userId: user.id, conversationId: message.conversationId }] : [];
    }),
  );
  if (!rows.length) return;
  const made = (await batch.session.db.query(
    `insert into mentions (tenant_id, app_id, message_id, user_id, conversation_id) select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::uuid[])
     on conflict do nothing returning 1`,
    columns(batch, rows, (row) => [row.messageId, row.userId, row.conversationId]),
  )) as unknown[];
  count(batch, 'mention', 'created', made.length);
}

export async function insertReactions(
  batch: Batch,
  reactions: readonly { id: string; conversationId: string; item: { index: number }; user: string; emoji: string; reactedAt?: string | undefined }[],
): Promise<void> {
  const rows = new Map<string, { messageId: string; userId: string; emoji: string; conversationId: string; reactedAt: string | null }>();
  for (const reaction of reactions) {
    const user = batch.users.get(reaction.user);
    if (!user) skip(batch, reaction.item, 'reaction', 'no user of this external id');
    else if (user.erased) skip(batch, reaction.item, 'reaction', ERASED_REASON);
    else rows.set(`${reaction.id}${user.id}${reaction.emoji}`, { messageId: reaction.id, userId: user.id, emoji: reaction.emoji, conversationId: reaction.conversationId, reactedAt: timeOrNull(reaction.reactedAt) });
  }
  if (!rows.size) return;
  const made = (await batch.session.db.query(
    `insert into reactions (tenant_id, app_id, message_id, user_id, emoji, conversation_id, reacted_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::timestamptz[]) on conflict do nothing returning 1`,
    columns(batch, [...rows.values()], (row) => [row.messageId, row.userId, row.emoji, row.conversationId, row.reactedAt]),
  )) as unknown[];
  count(batch, 'reaction', 'created', made.length);
  count(batch, 'reaction', 'unchanged', rows.size - made.length);
}
