import { place } from '../data/place.ts';
import { uuidv7 } from '../database/uuid.ts';
import { blindIndex } from '../keys/blind-index.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { seal } from '../keys/sealed-value.ts';
import {
  columns,
  count,
  ERASED_REASON,
  isGone,
  merged,
  skip,
  type AnyItem,
  type Batch,
  type Item,
  type KnownUser,
  type RecordOf,
} from './batch.ts';

/** The person a record names, or undefined after having said why the record is skipped. */
export function personOf(batch: Batch, item: AnyItem, externalId: string, at?: string): KnownUser | undefined {
  const user = batch.users.get(externalId);
  if (!user) skip(batch, item, item.record.type, 'no user of this external id');
  else if (isGone(user, at)) skip(batch, item, item.record.type, ERASED_REASON);
  else return user;
  return undefined;
}

/** Undefined: named but not known, and said so. Null: none named. */
export function conversationOf(batch: Batch, item: AnyItem, externalId: string | undefined): string | null | undefined {
  if (externalId === undefined) return null;
  const conversation = batch.conversations.get(externalId);
  if (conversation && conversation.kind !== 'ERASED') return conversation.id;
  skip(batch, item, item.record.type, conversation ? 'the conversation was erased' : 'no conversation of this external id');
  return undefined;
}

interface Delivery {
  id: string;
  record: RecordOf<'delivery'>;
  userId: string;
  conversationId: string | null;
}

/** What two records of one delivery say together: the statement below does the same with the one that is held. */
function laterStatus(before: Delivery, after: Delivery): Delivery {
  if (after.userId !== before.userId) return before;
  const { message, status, at } = after.record;
  const ofMessage = before.record.message === undefined && message !== undefined;
  const later = Date.parse(at) > Date.parse(before.record.at);
  return {
    ...before,
    conversationId: ofMessage ? after.conversationId : before.conversationId,
    record: { ...before.record, ...(ofMessage && { message }), ...(later && { status, at }) },
  };
}

/** Takes delivery records over; one that is there already gets a later status, and the message it waited for. */
export async function ingestDeliveries(batch: Batch, items: readonly Item<'delivery'>[]): Promise<void> {
  const accepted = items.flatMap((item): Delivery[] => {
    const user = personOf(batch, item, item.record.user, item.record.at);
    const conversationId = user && conversationOf(batch, item, item.record.conversation);
    if (!user || conversationId === undefined) return [];
    return [{ id: uuidv7(Date.parse(item.record.at)), record: item.record, userId: user.id, conversationId }];
  });
  const rows = merged(accepted, ({ record }) => record.externalId, laterStatus);
  if (!rows.length) return;
  const { db, scope, system } = batch.session;
  const keys = await subjectKeys(
    system.keys,
    db,
    scope.tenantId,
    rows.map((row) => row.userId),
  );
  const written = (await db.query(
    `insert into delivery_records as held (tenant_id, app_id, id, user_id, message_id, external_id, channel, source, destination, status, at)
     select $1, $2, d.id, d.user_id, m.id, d.external_id, d.channel, d.source, d.destination, d.status, d.at
     from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bytea[], $11::text[], $12::timestamptz[])
       as d (id, user_id, conversation_id, message, external_id, channel, source, destination, status, at)
     left join lateral (select one.id from messages one where one.tenant_id = $1 and one.conversation_id = d.conversation_id
       and one.external_id >= d.message and one.external_id <= d.message and one.deleted_at is null order by one.external_id limit 1) m on true
     on conflict (tenant_id, app_id, external_id) do update set message_id = coalesce(held.message_id, excluded.message_id),
       status = case when excluded.at > held.at then excluded.status else held.status end, at = greatest(held.at, excluded.at)
       where held.user_id = excluded.user_id and (excluded.at > held.at or held.message_id is null and excluded.message_id is not null)
     returning (xmax = 0) as created`,
    columns(batch, rows, ({ id, record, userId, conversationId }) => {
      const sealed = (
        column: 'delivery_records.source' | 'delivery_records.destination',
        text: string | undefined,
      ): Buffer | null => (text === undefined ? null : seal(keys.get(userId)!, place(scope.tenantId, userId, column, id), text));
      const [source, destination] = [
        sealed('delivery_records.source', record.source),
        sealed('delivery_records.destination', record.destination),
      ];
      return [
        id,
        userId,
        conversationId,
        record.message ?? null,
        record.externalId,
        record.channel,
        source,
        destination,
        record.status,
        record.at,
      ];
    }),
  )) as { created: boolean }[];
  const created = written.filter((row) => row.created).length;
  count(batch, 'delivery', 'created', created);
  count(batch, 'delivery', 'updated', written.length - created);
  count(batch, 'delivery', 'unchanged', rows.length - written.length);
}

export async function ingestBusinessLinks(batch: Batch, items: readonly Item<'businessLink'>[]): Promise<void> {
  const rows = items.flatMap((item) => {
    const user = personOf(batch, item, item.record.user);
    return user ? [{ id: uuidv7(batch.session.system.now()), record: item.record, userId: user.id }] : [];
  });
  if (!rows.length) return;
  const { db, scope, system } = batch.session;
  const keys = await subjectKeys(
    system.keys,
    db,
    scope.tenantId,
    rows.map((row) => row.userId),
  );
  const made = (await db.query(
    `insert into business_links (tenant_id, app_id, id, user_id, system, reference_index, reference)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[])
     on conflict (tenant_id, user_id, system, reference_index) do nothing returning 1`,
    columns(batch, rows, ({ id, record, userId }) => [
      id,
      userId,
      record.system,
      blindIndex(batch.tenantKey, `BUSINESS/${record.system}`, record.reference),
      seal(keys.get(userId)!, place(scope.tenantId, userId, 'business_links.reference', id), record.reference),
    ]),
  )) as unknown[];
  count(batch, 'businessLink', 'created', made.length);
  count(batch, 'businessLink', 'unchanged', rows.length - made.length);
}
