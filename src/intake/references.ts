import { arrayOf } from '../database/arrays.ts';
import { Refusal } from '../errors.ts';
import { blindIndex } from '../keys/blind-index.ts';
import type { AnyItem, Batch } from './batch.ts';
import type { IntakeRecord } from './records.ts';

export const userIndex = (batch: Batch, externalId: string): Buffer => indexOf(batch, `EXTERNAL_ID/${batch.appId}`, externalId);
export const conversationIndex = (batch: Batch, externalId: string): Buffer =>
  indexOf(batch, `CONVERSATION/${batch.appId}`, externalId);

/** So many indexes are remembered in an import, some ten megabytes. */
const REMEMBERED = 50_000;

function indexOf({ tenantKey, options: { indexes } }: Batch, type: string, externalId: string): Buffer {
  const name = `${type} ${externalId}`;
  const known = indexes?.get(name);
  if (known) return known;
  const index = blindIndex(tenantKey, type, externalId);
  if (indexes && indexes.size >= REMEMBERED) indexes.clear();
  indexes?.set(name, index);
  return index;
}

/** Told of each person a record names: by external id, and in which field of it (`[]` stands for `index`). */
type Visit = (externalId: string, field: string, index?: number) => void;

function eachPerson(record: IntakeRecord, visit: Visit): void {
  switch (record.type) {
    case 'user':
      return visit(record.externalId, 'externalId');
    case 'conversation':
      return record.participants.forEach(({ user }, index) => visit(user, 'participants[].user', index));
    case 'message':
      if (record.author !== undefined) visit(record.author, 'author');
      record.mentions.forEach((user, index) => visit(user, 'mentions[]', index));
      record.reactions.forEach(({ user }, index) => visit(user, 'reactions[].user', index));
      record.attachments.forEach(
        ({ uploader }, index) => uploader !== undefined && visit(uploader, 'attachments[].uploader', index),
      );
      return;
    case 'messageEdit':
      return record.mentions.forEach((user, index) => visit(user, 'mentions[]', index));
    case 'call':
      visit(record.initiator, 'initiator');
      return record.participants.forEach(({ user }, index) => visit(user, 'participants[].user', index));
    case 'messageDeletion':
      return;
    default:
      visit(record.user, 'user');
  }
}

const conversationIn = (record: IntakeRecord): string | undefined => {
  if (record.type === 'conversation') return record.externalId;
  return 'conversation' in record ? record.conversation : undefined;
};

/** Looks up everybody and every conversation that a batch names, in four statements whatever its size. */
export async function resolveReferences(batch: Batch, items: readonly AnyItem[]): Promise<void> {
  const people = new Set<string>();
  const conversations = new Set<string>();
  for (const { record } of items) {
    eachPerson(record, (externalId) => people.add(externalId));
    const conversation = conversationIn(record);
    if (conversation !== undefined) conversations.add(conversation);
  }
  const lookups = [
    people.size ? resolvePeople(batch, people) : undefined,
    conversations.size ? resolveConversations(batch, conversations) : undefined,
    resolveErasedMessages(batch),
  ];
  // Sent together. Where one fails it is its error that tells why, and not that of those behind it in the transaction.
  for (const lookup of lookups) lookup?.catch(() => undefined);
  for (const lookup of lookups) await lookup;
}

async function resolveErasedMessages(batch: Batch): Promise<void> {
  const { db, scope } = batch.session;
  const found = (await db.query(`select 1 from erasures where tenant_id = $1 and app_id = $2 and target = 'MESSAGE' limit 1`, [
    scope.tenantId,
    batch.appId,
  ])) as unknown[];
  batch.anyMessageErased = found.length > 0;
}

/**
 * The rows of an app that go by any of some indexes, looked up one by one. Asked for all at once, the planner, who knows nothing of the sizes of tenants, would
 * rather read every row of the tenant for each batch: an import slowed down with the number of its people.
 */
const eachOf = (table: 'users' | 'conversations' | 'erasures'): string =>
  `unnest($3::bytea[]) as sought (index) cross join lateral (
     select * from ${table} where tenant_id = $1 and app_id = $2 and external_index = sought.index offset 0) as found`;

async function resolvePeople(batch: Batch, names: ReadonlySet<string>): Promise<void> {
  const { db, scope } = batch.session;
  const { nameOf, keys } = indexed(names, (name) => userIndex(batch, name));
  const [erased, users] = await Promise.all([
    db.query(
      `select distinct on (external_index) external_index, target_id, erased_at from ${eachOf('erasures')} where target = 'USER' order by external_index, erased_at desc`,
      [scope.tenantId, batch.appId, keys],
    ) as Promise<{ external_index: Buffer; target_id: string; erased_at: Date }[]>,
    db.query(`select id, external_index, kind, erased_at is not null as erased from ${eachOf('users')}`, [
      scope.tenantId,
      batch.appId,
      keys,
    ]) as Promise<{ id: string; external_index: Buffer; kind: string; erased: boolean }[]>,
  ]);
  for (const row of erased)
    batch.users.set(nameOf(row), { id: row.target_id, erased: true, kind: 'END_USER', erasedAt: row.erased_at.getTime() });
  // A person who signed up again after their erasure is known by the newer row.
  for (const row of users) {
    const former = batch.users.get(nameOf(row))?.erasedAt;
    const known = { id: row.id, erased: row.erased, kind: row.kind, leaving: row.erased };
    batch.users.set(nameOf(row), former === undefined ? known : { ...known, erasedAt: former });
  }
}

async function resolveConversations(batch: Batch, names: ReadonlySet<string>): Promise<void> {
  const { db, scope } = batch.session;
  const { nameOf, keys } = indexed(names, (name) => conversationIndex(batch, name));
  const rows = (await db.query(
    `select target_id as id, external_index, 'ERASED' as kind, null::uuid as "subjectId" from ${eachOf('erasures')} where target = 'CONVERSATION'
     union all select id, external_index, kind, subject_id from ${eachOf('conversations')}`,
    [scope.tenantId, batch.appId, keys],
  )) as { id: string; external_index: Buffer; kind: string; subjectId: string | null }[];
  for (const row of rows) {
    const name = nameOf(row);
    // Erased, and its row not yet gone: it stays erased.
    if (batch.conversations.get(name)?.kind !== 'ERASED')
      batch.conversations.set(name, { id: row.id, kind: row.kind, subjectId: row.subjectId });
  }
}

function indexed(names: ReadonlySet<string>, indexOf: (name: string) => Buffer) {
  const keys: Buffer[] = [];
  const byIndex = new Map<string, string>();
  for (const name of names) {
    const index = indexOf(name);
    keys.push(index);
    byIndex.set(index.toString('hex'), name);
  }
  return {
    keys: arrayOf('bytea', keys),
    nameOf: (row: { external_index: Buffer }): string => byIndex.get(row.external_index.toString('hex'))!,
  };
}

/**
 * Refuses a batch that names somebody, or a conversation, that is neither held nor in the batch: the caller mends the batch rather than
 * finding out later what of it was left out. People who were erased are known; what names them is skipped and reported.
 */
export function requireReferences(batch: Batch, items: readonly AnyItem[]): void {
  const users = new Set(batch.users.keys());
  const conversations = new Set(batch.conversations.keys());
  for (const { record } of items) {
    if (record.type === 'user') users.add(record.externalId);
    if (record.type === 'conversation') conversations.add(record.externalId);
  }
  for (const { index, record } of items) {
    const unknown = (field: string, what: string): never => {
      throw new Refusal(
        'INVALID_INPUT',
        `records[${index}].${field}: no ${what} of this external id. Nothing of the batch was taken over.`,
      );
    };
    eachPerson(record, (externalId, field, at) => {
      if (!users.has(externalId)) unknown(field.replace('[]', `[${at}]`), 'user');
    });
    const conversation = conversationIn(record);
    if (conversation !== undefined && !conversations.has(conversation)) unknown('conversation', 'conversation');
  }
}
