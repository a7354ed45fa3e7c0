import { uuidv7 } from '../database/uuid.ts';
import { place } from '../data/place.ts';
import { createSubjectKeys, subjectKeys } from '../keys/keyring.ts';
import { seal, unsealText } from '../keys/sealed-value.ts';
import { count, ERASED_REASON, skip, timeOrNull, type Batch, type Item, type RecordOf } from './batch.ts';
import { columns } from './ingest-users.ts';
import { conversationIndex } from './references.ts';

interface Membership {
  conversationId: string;
  userId: string;
  role: string | null;
  joinedAt: string | null;
  leftAt: string | null;
}

/** Takes conversations over with their participants; a name and an end are brought up to date on those known already. */
export async function ingestConversations(batch: Batch, items: readonly Item<'conversation'>[]): Promise<void> {
  const fresh = new Map<string, RecordOf<'conversation'>>();
  const known: Item<'conversation'>[] = [];
  const accepted: Item<'conversation'>[] = [];
  for (const item of items) {
    const conversation = batch.conversations.get(item.record.externalId);
    if (conversation?.kind === 'ERASED') {
      skip(batch, item, 'conversation', 'the conversation was erased');
      continue;
    }
    if (item.record.kind === 'PERSONAL' && erasedCustomer(batch, item.record)) {
      skip(batch, item, 'conversation', ERASED_REASON);
      continue;
    }
    accepted.push(item);
    if (conversation || fresh.has(item.record.externalId)) known.push(item);
    else fresh.set(item.record.externalId, item.record);
  }
  await insertConversations(batch, [...fresh.values()]);
  for (const item of known) await updateConversation(batch, item.record);
  const memberships: Membership[] = [];
  for (const item of accepted) {
    for (const one of item.record.participants) collect(batch, item, item.record.externalId, one, memberships);
  }
  await ingestMemberships(batch, memberships);
}

/** In a PERSONAL conversation the customer is the subject: with them gone, nothing of it may come back. */
const erasedCustomer = (batch: Batch, record: RecordOf<'conversation'>): boolean => record.participants.some(({ user }) => batch.users.get(user)?.erased);

const customerOf = (batch: Batch, record: RecordOf<'conversation'>): string | null => {
  if (record.kind !== 'PERSONAL') return null;
  const customer = record.participants.map(({ user }) => batch.users.get(user)).find((user) => user?.kind === 'END_USER');
  return customer?.id ?? null;
};

async function insertConversations(batch: Batch, records: readonly RecordOf<'conversation'>[]): Promise<void> {
  if (!records.length) return;
  const { db, scope, system } = batch.session;
  const rows = records.map((record) => ({ id: uuidv7(record.createdAt ? Date.parse(record.createdAt) : system.now()), record, subjectId: customerOf(batch, record) }));
  const keys = await createSubjectKeys(system.keys, db, scope.tenantId, rows.map(({ id }) => ({ id, appId: batch.appId })));
  await db.query(
    `insert into conversations (tenant_id, app_id, id, external_index, external_id, kind, name, subject_id, created_at, archived_at)
     select $1, $2, * from unnest($3::uuid[], $4::bytea[], $5::bytea[], $6::text[], $7::bytea[], $8::uuid[], $9::timestamptz[], $10::timestamptz[])`,
    columns(batch, rows, ({ id, record, subjectId }) => [
      id,
      conversationIndex(batch, record.externalId),
      seal(keys.get(id)!, place(scope.tenantId, id, 'conversations.external_id', id), record.externalId),
      record.kind,
      record.name === undefined ? null : seal(keys.get(id)!, place(scope.tenantId, id, 'conversations.name', id), record.name),
      subjectId,
      timeOrNull(record.createdAt),
      timeOrNull(record.archivedAt),
    ]),
  );
  for (const { id, record, subjectId } of rows) batch.conversations.set(record.externalId, { id, kind: record.kind, subjectId });
  count(batch, 'conversation', 'created', rows.length);
}

async function updateConversation(batch: Batch, record: RecordOf<'conversation'>): Promise<void> {
  const { db, scope, system } = batch.session;
  const { id } = batch.conversations.get(record.externalId)!;
  const [stored] = (await db.query('select name, archived_at from conversations where tenant_id = $1 and id = $2', [scope.tenantId, id])) as { name: Buffer | null; archived_at: Date | null }[];
  const key = (await subjectKeys(system.keys, db, scope.tenantId, [id])).get(id);
  if (!stored || !key) return;
  const at = place(scope.tenantId, id, 'conversations.name', id);
  const name = stored.name && unsealText(key, at, stored.name);
  const renamed = record.name !== undefined && record.name !== name;
  const archived = record.archivedAt !== undefined && stored.archived_at?.getTime() !== Date.parse(record.archivedAt);
  if (renamed || archived) {
    await db.query('update conversations set name = coalesce($3, name), archived_at = coalesce($4, archived_at) where tenant_id = $1 and id = $2', [
      scope.tenantId,
      id,
      renamed ? seal(key, at, record.name!) : null,
      timeOrNull(record.archivedAt),
    ]);
  }
  count(batch, 'conversation', renamed || archived ? 'updated' : 'unchanged');
}

function collect(batch: Batch, item: { index: number }, conversationName: string, one: { user: string; role?: string | undefined; joinedAt?: string | undefined; leftAt?: string | undefined }, into: Membership[]): void {
  const conversation = batch.conversations.get(conversationName);
  const user = batch.users.get(one.user);
  if (!conversation) return skip(batch, item, 'participant', 'no conversation of this external id');
  if (conversation.kind === 'ERASED') return skip(batch, item, 'participant', 'the conversation was erased');
  if (!user) return skip(batch, item, 'participant', 'no user of this external id');
  if (user.erased) return skip(batch, item, 'participant', ERASED_REASON);
  into.push({ conversationId: conversation.id, userId: user.id, role: one.role ?? null, joinedAt: timeOrNull(one.joinedAt), leftAt: timeOrNull(one.leftAt) });
}

export async function ingestParticipants(batch: Batch, items: readonly Item<'participant'>[]): Promise<void> {
  const memberships: Membership[] = [];
  for (const item of items) {
    collect(batch, item, item.record.conversation, item.record, memberships);
    const conversation = batch.conversations.get(item.record.conversation);
    const user = batch.users.get(item.record.user);
    if (conversation?.kind === 'PERSONAL' && !conversation.subjectId && user && !user.erased && user.kind === 'END_USER') {
      await batch.session.db.query('update conversations set subject_id = $3 where tenant_id = $1 and id = $2 and subject_id is null', [batch.session.scope.tenantId, conversation.id, user.id]);
      conversation.subjectId = user.id;
    }
  }
  await ingestMemberships(batch, memberships);
}

async function ingestMemberships(batch: Batch, memberships: readonly Membership[]): Promise<void> {
  if (!memberships.length) return;
  const distinct = [...new Map(memberships.map((one) => [`${one.conversationId}${one.userId}`, one])).values()];
  const rows = (await batch.session.db.query(
    `insert into participants (tenant_id, app_id, conversation_id, user_id, role, joined_at, left_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[])
     on conflict (tenant_id, conversation_id, user_id) do update set role = coalesce(excluded.role, participants.role),
       joined_at = coalesce(excluded.joined_at, participants.joined_at), left_at = coalesce(excluded.left_at, participants.left_at)
       where (participants.role, participants.joined_at, participants.left_at) is distinct from
         (coalesce(excluded.role, participants.role), coalesce(excluded.joined_at, participants.joined_at), coalesce(excluded.left_at, participants.left_at))
     returning (xmax = 0) as created`,
    columns(batch, distinct, (one) => [one.conversationId, one.userId, one.role, one.joinedAt, one.leftAt]),
  )) as { created: boolean }[];
  const created = rows.filter((row) => row.created).length;
  count(batch, 'participant', 'created', created);
  count(batch, 'participant', 'updated', rows.length - created);
  count(batch, 'participant', 'unchanged', memberships.length - rows.length);
}
