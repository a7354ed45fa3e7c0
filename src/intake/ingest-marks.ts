import { columns, count, ERASED_REASON, isGone, skip, timeOrNull, type Batch, type RecordOf } from './batch.ts';

/** Who is mentioned, a row each: what one erasure of them finds. */
export async function insertMentions(
  batch: Batch,
  messages: readonly { id: string; conversationId: string; mentions: readonly string[] }[],
): Promise<void> {
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

type Reaction = Pick<RecordOf<'reaction'>, 'user' | 'emoji' | 'reactedAt'> & {
  message: { id: string; conversationId: string };
  item: { index: number };
};

/** Reactions, one for each person, emoji and message. */
export async function insertReactions(batch: Batch, reactions: readonly Reaction[]): Promise<void> {
  const rows = new Map<string, unknown[]>();
  for (const { user: name, emoji, reactedAt, message, item } of reactions) {
    const user = batch.users.get(name);
    if (!user) skip(batch, item, 'reaction', 'user: no user of this external id');
    else if (isGone(user, reactedAt)) skip(batch, item, 'reaction', ERASED_REASON);
    else rows.set(`${message.id}${user.id}${emoji}`, [message.id, user.id, emoji, message.conversationId, timeOrNull(reactedAt)]);
  }
  if (!rows.size) return;
  const made = (await batch.session.db.query(
    `insert into reactions (tenant_id, app_id, message_id, user_id, emoji, conversation_id, reacted_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::timestamptz[]) on conflict do nothing returning 1`,
    columns(batch, [...rows.values()], (cells) => cells),
  )) as unknown[];
  count(batch, 'reaction', 'created', made.length);
  count(batch, 'reaction', 'unchanged', rows.size - made.length);
}
