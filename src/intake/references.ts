import { blindIndex } from '../keys/blind-index.ts';
import type { Batch, AnyItem } from './batch.ts';
import type { IntakeRecord } from './records.ts';

const userIndex = (batch: Batch, externalId: string): Buffer => blindIndex(batch.tenantKey, `EXTERNAL_ID/${batch.appId}`, externalId);
export const conversationIndex = (batch: Batch, externalId: string): Buffer => blindIndex(batch.tenantKey, `CONVERSATION/${batch.appId}`, externalId);
export { userIndex };

/** The external ids of people that a record names, in whatever part. */
function peopleIn(record: IntakeRecord): string[] {
  switch (record.type) {
    case 'user':
      return [record.externalId];
    case 'conversation':
      return record.participants.map((participant) => participant.user);
    case 'message':
      return [
        ...(record.author ? [record.author] : []),
        ...record.mentions,
        ...record.reactions.map((reaction) => reaction.user),
        ...record.attachments.flatMap((attachment) => (attachment.uploader ? [attachment.uploader] : [])),
      ];
    case 'messageEdit':
      return record.mentions;
    case 'call':
      return [record.initiator, ...record.participants.map((participant) => participant.user)];
    case 'participant':
    case 'reaction':
    case 'delivery':
    case 'businessLink':
      return [record.user];
    case 'messageDeletion':
      return [];
  }
}

const conversationIn = (record: IntakeRecord): string | undefined => {
  if (record.type === 'conversation') return record.externalId;
  return 'conversation' in record ? record.conversation : undefined;
};

/** Looks up everybody and every conversation that a batch names, in four statements whatever its size. */
export async function resolveReferences(batch: Batch, items: readonly AnyItem[]): Promise<void> {
  const people = [...new Set(items.flatMap((item) => peopleIn(item.record)))];
  const conversations = [...new Set(items.flatMap((item) => conversationIn(item.record) ?? []))];
  const { db, scope } = batch.session;
  const indexes = new Map(people.map((externalId) => [userIndex(batch, externalId).toString('hex'), externalId]));
  const keys = [...indexes.keys()].map((hex) => Buffer.from(hex, 'hex'));
  // A person who signed up again after their erasure is known by the newer row; the ledger is asked first and overwritten by it.
  const erased = (await db.query(
    `select distinct on (external_index) external_index, target_id from erasures
     where tenant_id = $1 and app_id = $2 and external_index = any ($3) and target = 'USER' order by external_index, erased_at desc`,
    [scope.tenantId, batch.appId, keys],
  )) as { external_index: Buffer; target_id: string }[];
  for (const row of erased) batch.users.set(indexes.get(row.external_index.toString('hex'))!, { id: row.target_id, erased: true, kind: 'END_USER' });
  const users = (await db.query('select id, external_index, kind, erased_at is not null as erased from users where tenant_id = $1 and app_id = $2 and external_index = any ($3)', [
    scope.tenantId,
    batch.appId,
    keys,
  ])) as { id: string; external_index: Buffer; kind: string; erased: boolean }[];
  for (const row of users) batch.users.set(indexes.get(row.external_index.toString('hex'))!, { id: row.id, erased: row.erased, kind: row.kind });
  await resolveConversations(batch, conversations);
}

async function resolveConversations(batch: Batch, names: readonly string[]): Promise<void> {
  if (!names.length) return;
  const { db, scope } = batch.session;
  const indexes = new Map(names.map((name) => [conversationIndex(batch, name).toString('hex'), name]));
  const keys = [...indexes.keys()].map((hex) => Buffer.from(hex, 'hex'));
  const rows = (await db.query(
    `select id, external_index, kind, subject_id as "subjectId" from conversations where tenant_id = $1 and app_id = $2 and external_index = any ($3)
     union all
     select target_id, external_index, 'ERASED', null from erasures where tenant_id = $1 and app_id = $2 and external_index = any ($3) and target = 'CONVERSATION'`,
    [scope.tenantId, batch.appId, keys],
  )) as { id: string; external_index: Buffer; kind: string; subjectId: string | null }[];
  for (const row of rows) batch.conversations.set(indexes.get(row.external_index.toString('hex'))!, { id: row.id, kind: row.kind, subjectId: row.subjectId });
}
