import { uuidv7 } from '../database/uuid.ts';
import { columns, count, ERASED_REASON, isGone, merged, skip, timeOrNull, type Batch, type Item } from './batch.ts';
import { conversationOf, personOf } from './ingest-events.ts';

/** Takes calls over with who took part; one that is there already gets its end, and whoever joined since. */
export async function ingestCalls(batch: Batch, items: readonly Item<'call'>[]): Promise<void> {
  const accepted = items.flatMap((item) => {
    const { record } = item;
    const initiator = personOf(batch, item, record.initiator, record.startedAt);
    const conversationId = initiator && conversationOf(batch, item, record.conversation);
    if (!initiator || conversationId === undefined) return [];
    return [{ id: uuidv7(Date.parse(record.startedAt)), item, record, initiatorId: initiator.id, conversationId }];
  });
  if (!accepted.length) return;
  const rows = merged(
    accepted,
    ({ record }) => record.externalId,
    (before, { record: { endedAt } }) => (endedAt === undefined ? before : { ...before, record: { ...before.record, endedAt } }),
  );
  const { db, scope } = batch.session;
  const written = (await db.query(
    `insert into calls as held (tenant_id, app_id, id, conversation_id, initiator_id, external_id, kind, started_at, ended_at, duration_seconds)
     select $1, $2, *, least(extract(epoch from ended - started), 2147483647)::int
     from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[]) as c (id, conversation_id, initiator_id, external_id, kind, started, ended)
     on conflict (tenant_id, app_id, external_id) do update set ended_at = excluded.ended_at, duration_seconds = least(extract(epoch from excluded.ended_at - held.started_at), 2147483647)::int
       where excluded.ended_at is not null and held.ended_at is distinct from excluded.ended_at
     returning (xmax = 0) as created`,
    columns(batch, rows, ({ id, record, conversationId, initiatorId }) => [
      id,
      conversationId,
      initiatorId,
      record.externalId,
      record.kind,
      record.startedAt,
      timeOrNull(record.endedAt),
    ]),
  )) as { created: boolean }[];
  const created = written.filter((row) => row.created).length;
  count(batch, 'call', 'created', created);
  count(batch, 'call', 'updated', written.length - created);
  count(batch, 'call', 'unchanged', rows.length - written.length);
  const held = (await db.query(
    'select id, external_id from calls where tenant_id = $1 and app_id = $2 and external_id = any ($3)',
    [scope.tenantId, batch.appId, rows.map(({ record }) => record.externalId)],
  )) as { id: string; external_id: string }[];
  const ids = new Map(held.map((row) => [row.external_id, row.id]));
  await ingestCallers(
    batch,
    accepted.map(({ item }) => ({ item, callId: ids.get(item.record.externalId)! })),
  );
}

async function ingestCallers(batch: Batch, calls: readonly { item: Item<'call'>; callId: string }[]): Promise<void> {
  const people = calls.flatMap(({ item, callId }) =>
    item.record.participants.flatMap((one) => {
      const user = batch.users.get(one.user);
      if (!user) skip(batch, item, 'call participant', 'no user of this external id');
      else if (isGone(user, item.record.startedAt)) skip(batch, item, 'call participant', ERASED_REASON);
      else return [{ callId, userId: user.id, joinedAt: timeOrNull(one.joinedAt), leftAt: timeOrNull(one.leftAt) }];
      return [];
    }),
  );
  if (!people.length) return;
  await batch.session.db.query(
    `insert into call_participants as held (tenant_id, app_id, call_id, user_id, joined_at, left_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])
     on conflict (tenant_id, call_id, user_id) do update set joined_at = coalesce(held.joined_at, excluded.joined_at), left_at = coalesce(excluded.left_at, held.left_at)
       where held.joined_at is null and excluded.joined_at is not null or excluded.left_at is not null and held.left_at is distinct from excluded.left_at`,
    columns(
      batch,
      merged(
        people,
        (one) => `${one.callId}${one.userId}`,
        (before, after) => ({ ...before, joinedAt: before.joinedAt ?? after.joinedAt, leftAt: after.leftAt ?? before.leftAt }),
      ),
      (one) => [one.callId, one.userId, one.joinedAt, one.leftAt],
    ),
  );
}
