import { uuidv7 } from '../database/uuid.ts';
import { place } from '../data/place.ts';
import { blindIndex } from '../keys/blind-index.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { seal } from '../keys/sealed-value.ts';
import { count, ERASED_REASON, skip, timeOrNull, type Batch, type AnyItem, type KnownUser, type Item } from './batch.ts';
import { columns } from './ingest-users.ts';

/** The person a record names, or undefined after having said why the record is skipped. */
function personOf(batch: Batch, item: AnyItem, externalId: string): KnownUser | undefined {
  const user = batch.users.get(externalId);
  if (!user) skip(batch, item, item.record.type, 'no user of this external id');
  else if (user.erased) skip(batch, item, item.record.type, ERASED_REASON);
  return user && !user.erased ? user : undefined;
}

/** Undefined: named but not known, and said so. Null: none named. */
function conversationOf(batch: Batch, item: AnyItem, externalId: string | undefined): string | null | undefined {
  if (externalId === undefined) return null;
  const conversation = batch.conversations.get(externalId);
  if (!conversation) skip(batch, item, item.record.type, 'no conversation of this external id');
  else if (conversation.kind === 'ERASED') skip(batch, item, item.record.type, 'the conversation was erased');
  return conversation && conversation.kind !== 'ERASED' ? conversation.id : undefined;
}

export async function ingestCalls(batch: Batch, items: readonly Item<'call'>[]): Promise<void> {
  const rows = items.flatMap((item) => {
    const initiator = personOf(batch, item, item.record.initiator);
    const conversationId = initiator && conversationOf(batch, item, item.record.conversation);
    return initiator && conversationId !== undefined ? [{ id: uuidv7(Date.parse(item.record.startedAt)), item, record: item.record, initiatorId: initiator.id, conversationId }] : [];
  });
  if (!rows.length) return;
  const { db } = batch.session;
  const made = (await db.query(
    `insert into calls (tenant_id, app_id, id, conversation_id, initiator_id, external_id, kind, started_at, ended_at, duration_seconds)
     select $1, $2, *, extract(epoch from ended - started)::int
     from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[]) as c (id, conversation_id, initiator_id, external_id, kind, started, ended)
     on conflict (tenant_id, app_id, external_id) do nothing returning id`,
    columns(batch, rows, ({ id, record, conversationId, initiatorId }) => [id, conversationId, initiatorId, record.externalId, record.kind, record.startedAt, timeOrNull(record.endedAt)]),
  )) as { id: string }[];
  const created = new Set(made.map((row) => row.id));
  const people = rows
    .filter((row) => created.has(row.id))
    .flatMap(({ id, record, item }) =>
      record.participants.flatMap((participant) => {
        const user = batch.users.get(participant.user);
        if (!user) skip(batch, item, 'call participant', 'no user of this external id');
        return user && !user.erased ? [{ id, userId: user.id, joinedAt: timeOrNull(participant.joinedAt), leftAt: timeOrNull(participant.leftAt) }] : [];
      }),
    );
  if (people.length) {
    await db.query(
      `insert into call_participants (tenant_id, app_id, call_id, user_id, joined_at, left_at)
       select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[]) on conflict do nothing`,
      columns(batch, people, (row) => [row.id, row.userId, row.joinedAt, row.leftAt]),
    );
  }
  count(batch, 'call', 'created', made.length);
  count(batch, 'call', 'unchanged', rows.length - made.length);
}

export async function ingestDeliveries(batch: Batch, items: readonly Item<'delivery'>[]): Promise<void> {
  const rows = items.flatMap((item) => {
    const user = personOf(batch, item, item.record.user);
    const conversationId = user && conversationOf(batch, item, item.record.conversation);
    return user && conversationId !== undefined ? [{ id: uuidv7(Date.parse(item.record.at)), record: item.record, userId: user.id, conversationId }] : [];
  });
  if (!rows.length) return;
  const { db, scope, system } = batch.session;
  const keys = await subjectKeys(system.keys, db, scope.tenantId, rows.map((row) => row.userId));
  const made = (await db.query(
    `insert into delivery_records (tenant_id, app_id, id, user_id, message_id, external_id, channel, source, destination, status, at)
     select $1, $2, d.id, d.user_id, m.id, d.external_id, d.channel, d.source, d.destination, d.status, d.at
     from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bytea[], $11::text[], $12::timestamptz[])
       as d (id, user_id, conversation_id, message, external_id, channel, source, destination, status, at)
     left join messages m on m.tenant_id = $1 and m.conversation_id = d.conversation_id and m.external_id = d.message
     on conflict (tenant_id, app_id, external_id) do nothing returning 1`,
    columns(batch, rows, ({ id, record, userId, conversationId }) => {
      const sealed = (column: 'delivery_records.source' | 'delivery_records.destination', text: string | undefined): Buffer | null =>
        text === undefined ? null : seal(keys.get(userId)!, place(scope.tenantId, userId, column, id), text);
      return [
        id,
        userId,
        conversationId,
        record.message ?? null,
        record.externalId,
        record.channel,
        sealed('delivery_records.source', record.source),
        sealed('delivery_records.destination', record.destination),
        record.status,
        record.at,
      ];
    }),
  )) as unknown[];
  count(batch, 'delivery', 'created', made.length);
  count(batch, 'delivery', 'unchanged', rows.length - made.length);
}

export async function ingestBusinessLinks(batch: Batch, items: readonly Item<'businessLink'>[]): Promise<void> {
  const rows = items.flatMap((item) => {
    const user = personOf(batch, item, item.record.user);
    return user ? [{ id: uuidv7(batch.session.system.now()), record: item.record, userId: user.id }] : [];
  });
  if (!rows.length) return;
  const { db, scope, system } = batch.session;
  const keys = await subjectKeys(system.keys, db, scope.tenantId, rows.map((row) => row.userId));
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
