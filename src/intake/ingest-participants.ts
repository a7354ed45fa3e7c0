import {
  columns,
  count,
  merged,
  ERASED_REASON,
  isGone,
  skip,
  timeOrNull,
  type Batch,
  type Item,
  type KnownConversation,
  type RecordOf,
} from './batch.ts';

/** A person's place in a conversation, with who is who. */
export interface Membership {
  conversation: KnownConversation;
  userId: string;
  kind: string;
  role: string | null;
  joinedAt: string | null;
  leftAt: string | null;
}

/** Adds a membership, or says why it is skipped. */
export function collectMembership(
  batch: Batch,
  item: { index: number },
  conversationName: string,
  one: Pick<RecordOf<'participant'>, 'user' | 'role' | 'joinedAt' | 'leftAt'>,
  into: Membership[],
): void {
  const conversation = batch.conversations.get(conversationName);
  const user = batch.users.get(one.user);
  if (!conversation) return skip(batch, item, 'participant', 'no conversation of this external id');
  if (conversation.kind === 'ERASED') return skip(batch, item, 'participant', 'the conversation was erased');
  if (!user) return skip(batch, item, 'participant', 'no user of this external id');
  // The place of a former self, too, where its times tell it.
  if (isGone(user, one.joinedAt ?? one.leftAt)) return skip(batch, item, 'participant', ERASED_REASON);
  into.push({
    conversation,
    userId: user.id,
    kind: user.kind,
    role: one.role ?? null,
    joinedAt: timeOrNull(one.joinedAt),
    leftAt: timeOrNull(one.leftAt),
  });
}

export async function ingestParticipants(batch: Batch, items: readonly Item<'participant'>[]): Promise<void> {
  const memberships: Membership[] = [];
  for (const item of items) collectMembership(batch, item, item.record.conversation, item.record, memberships);
  await ingestMemberships(batch, memberships);
}

/** Writes memberships. The first end user to enter a PERSONAL conversation becomes its subject. */
export async function ingestMemberships(batch: Batch, memberships: readonly Membership[]): Promise<void> {
  if (!memberships.length) return;
  for (const { conversation, userId, kind } of memberships) {
    if (conversation.kind === 'PERSONAL' && !conversation.subjectId && kind === 'END_USER')
      await adoptSubject(batch, conversation, userId);
  }
  const rows = merged(
    memberships,
    (one) => `${one.conversation.id}${one.userId}`,
    (before, after) => ({
      ...after,
      role: after.role ?? before.role,
      joinedAt: after.joinedAt ?? before.joinedAt,
      leftAt: after.leftAt ?? before.leftAt,
    }),
  );
  const written = (await batch.session.db.query(
    `insert into participants (tenant_id, app_id, conversation_id, user_id, role, joined_at, left_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[])
     on conflict (tenant_id, conversation_id, user_id) do update set role = coalesce(excluded.role, participants.role),
       joined_at = coalesce(excluded.joined_at, participants.joined_at), left_at = coalesce(excluded.left_at, participants.left_at)
       where (participants.role, participants.joined_at, participants.left_at) is distinct from
         (coalesce(excluded.role, participants.role), coalesce(excluded.joined_at, participants.joined_at), coalesce(excluded.left_at, participants.left_at))
     returning (xmax = 0) as created`,
    columns(batch, rows, (one) => [one.conversation.id, one.userId, one.role, one.joinedAt, one.leftAt]),
  )) as { created: boolean }[];
  const created = written.filter((row) => row.created).length;
  count(batch, 'participant', 'created', created);
  count(batch, 'participant', 'updated', written.length - created);
  count(batch, 'participant', 'unchanged', rows.length - written.length);
}

/** Makes an end user the subject of a PERSONAL conversation that had none yet. */
export async function adoptSubject(batch: Batch, conversation: KnownConversation, userId: string): Promise<void> {
  await batch.session.db.query(
    'update conversations set subject_id = $3 where tenant_id = $1 and id = $2 and subject_id is null',
    [batch.session.scope.tenantId, conversation.id, userId],
  );
  conversation.subjectId = userId;
}
