import { place } from '../data/place.ts';
import { uuidv7 } from '../database/uuid.ts';
import { createSubjectKeys, subjectKeys } from '../keys/keyring.ts';
import { seal, unsealText } from '../keys/sealed-value.ts';
import { columns, count, ERASED_REASON, skip, timeOrNull, type Batch, type Item, type RecordOf } from './batch.ts';
import { collectMembership, ingestMemberships, type Membership } from './ingest-participants.ts';
import { conversationIndex } from './references.ts';

type ConversationRecord = RecordOf<'conversation'>;

/** Takes conversations over with their participants; a name and an end are brought up to date on those known already. */
export async function ingestConversations(batch: Batch, items: readonly Item<'conversation'>[]): Promise<void> {
  const fresh = new Map<string, ConversationRecord>();
  const known: ConversationRecord[] = [];
  const accepted: Item<'conversation'>[] = [];
  for (const item of items) {
    const { record } = item;
    const conversation = batch.conversations.get(record.externalId);
    if (conversation?.kind === 'ERASED') skip(batch, item, 'conversation', 'the conversation was erased');
    else if (!conversation && isOfTheErased(batch, record)) skip(batch, item, 'conversation', ERASED_REASON);
    else {
      accepted.push(item);
      if (conversation || fresh.has(record.externalId)) known.push(record);
      else fresh.set(record.externalId, record);
    }
  }
  await insertConversations(batch, [...fresh.values()]);
  await updateConversations(batch, known);
  const memberships: Membership[] = [];
  for (const item of accepted) {
    for (const one of item.record.participants) collectMembership(batch, item, item.record.externalId, one, memberships);
  }
  await ingestMemberships(batch, memberships);
}

const customerOf = (batch: Batch, record: ConversationRecord): string | null => {
  if (record.kind !== 'PERSONAL') return null;
  const people = record.participants.map(({ user }) => batch.users.get(user));
  return people.find((user) => user?.kind === 'END_USER' && !user.erased)?.id ?? null;
};

/** In a PERSONAL conversation the end user is the subject: with them gone, nothing of it may come back. An agent who is gone is no reason. */
const isOfTheErased = (batch: Batch, record: ConversationRecord): boolean =>
  record.kind === 'PERSONAL' &&
  customerOf(batch, record) === null &&
  record.participants.some(({ user }) => batch.users.get(user)?.erased);

async function insertConversations(batch: Batch, records: readonly ConversationRecord[]): Promise<void> {
  if (!records.length) return;
  const { db, scope, system } = batch.session;
  const rows = records.map((record) => ({
    id: uuidv7(record.createdAt ? Date.parse(record.createdAt) : system.now()),
    record,
    subjectId: customerOf(batch, record),
  }));
  const keys = await createSubjectKeys(
    system.keys,
    db,
    scope.tenantId,
    rows.map(({ id }) => ({ id, appId: batch.appId })),
  );
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

interface StoredConversation {
  id: string;
  name: Buffer | null;
  archived_at: Date | null;
}

async function updateConversations(batch: Batch, records: readonly ConversationRecord[]): Promise<void> {
  if (!records.length) return;
  const { db, scope, system } = batch.session;
  const ids = records.map((record) => batch.conversations.get(record.externalId)!.id);
  const keys = await subjectKeys(system.keys, db, scope.tenantId, ids);
  const rows = (await db.query('select id, name, archived_at from conversations where tenant_id = $1 and id = any ($2)', [
    scope.tenantId,
    ids,
  ])) as StoredConversation[];
  const stored = new Map(rows.map((row) => [row.id, row]));
  for (const record of records) {
    const row = stored.get(batch.conversations.get(record.externalId)!.id);
    const key = row && keys.get(row.id);
    if (key) count(batch, 'conversation', (await updateConversation(batch, row, record, key)) ? 'updated' : 'unchanged');
  }
}

async function updateConversation(
  batch: Batch,
  row: StoredConversation,
  record: ConversationRecord,
  key: Buffer,
): Promise<boolean> {
  const { db, scope } = batch.session;
  const at = place(scope.tenantId, row.id, 'conversations.name', row.id);
  const renamed = record.name !== undefined && record.name !== (row.name && unsealText(key, at, row.name));
  const archived = record.archivedAt !== undefined && row.archived_at?.getTime() !== Date.parse(record.archivedAt);
  if (!renamed && !archived) return false;
  if (renamed) row.name = seal(key, at, record.name!);
  if (archived) row.archived_at = new Date(record.archivedAt!);
  await db.query('update conversations set name = $3, archived_at = $4 where tenant_id = $1 and id = $2', [
    scope.tenantId,
    row.id,
    row.name,
    row.archived_at,
  ]);
  return true;
}
