import { arrayOf } from '../database/arrays.ts';
import { columns, type Accepted, type Batch } from './batch.ts';

/**
 * The messages of tenant $1 that $2 (conversations) and $3 (external ids) name, as `m`, for a from-clause. Written so that each is one look into the unique
 * index: only that gives the order asked for. As a plain join, a planner whose statistics lag behind an import takes another index or none, and reads all
 * messages of the conversation, or the tenant, for each (60 of 110 seconds in 100,000 messages).
 */
export const HELD_MESSAGES = `unnest($2::uuid[], $3::text[]) as wanted (conversation_id, external_id)
  cross join lateral (select * from messages one where one.tenant_id = $1 and one.conversation_id = wanted.conversation_id
    and one.external_id >= wanted.external_id and one.external_id <= wanted.external_id order by one.external_id limit 1) m`;

/** Those of the messages that are still there. Nobody deletes one until this batch is committed: it holds the lock of the app. */
export async function stillThere({ session: { db, scope } }: Batch, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (!ids.length) return new Set();
  const rows = (await db.query('select id from messages where tenant_id = $1 and id = any ($2) and deleted_at is null', [
    scope.tenantId,
    ids,
  ])) as { id: string }[];
  return new Set(rows.map((row) => row.id));
}

const nameOf = (conversationId: string, externalId: string): string => `${conversationId}/${externalId}`;

/** The message a message answers: its external id. A thread's first message may name itself, and answers nothing. */
const answered = ({ record }: Accepted): string | undefined =>
  record.replyTo === record.externalId ? undefined : record.replyTo;

/** The ids of the messages that those of a batch answer, where they are held or in the batch. */
export async function findAnswered(
  batch: Batch,
  messages: readonly Accepted[],
): Promise<(message: Accepted) => { id: string | null; waitsFor: string | null }> {
  const wanted = messages.filter((message) => answered(message) !== undefined);
  const ids = new Map<string, string>();
  if (wanted.length) {
    for (const { conversationId, record, id } of messages) ids.set(nameOf(conversationId, record.externalId), id);
    const rows = (await batch.session.db.query(`select m.id, m.conversation_id, m.external_id from ${HELD_MESSAGES}`, [
      batch.session.scope.tenantId,
      wanted.map((message) => message.conversationId),
      wanted.map(answered),
    ])) as { id: string; conversation_id: string; external_id: string }[];
    // Of one that is held and given again, the row that is there counts.
    for (const row of rows) ids.set(nameOf(row.conversation_id, row.external_id), row.id);
  }
  return (message) => {
    const externalId = answered(message);
    if (externalId === undefined) return { id: null, waitsFor: null };
    const id = ids.get(nameOf(message.conversationId, externalId)) ?? null;
    return { id, waitsFor: id === null ? externalId : null };
  };
}

/** A reply that came before what it answers. */
interface Waiting {
  reply: string;
  answered: string;
}

/** The replies that wait for messages, by the ids those have where they are new. */
export async function findWaiting({ session: { db, scope } }: Batch, messages: readonly Accepted[]): Promise<Waiting[]> {
  if (!messages.length) return [];
  return db.query(
    `select reply.id as reply, p.id as answered from unnest($2::uuid[], $3::uuid[], $4::text[]) as p (id, conversation_id, external_id)
     cross join lateral (select m.id from messages m where m.tenant_id = $1 and m.conversation_id = p.conversation_id and m.reply_to_external = p.external_id offset 0) reply`,
    [
      scope.tenantId,
      arrayOf(
        'uuid',
        messages.map(({ id }) => id),
      ),
      arrayOf(
        'uuid',
        messages.map(({ conversationId }) => conversationId),
      ),
      arrayOf(
        'text',
        messages.map(({ record }) => record.externalId),
      ),
    ],
  );
}

/** Ties such replies to what they answer. */
export async function tieWaiting(batch: Batch, waiting: readonly Waiting[]): Promise<void> {
  if (!waiting.length) return;
  await batch.session.db.query(
    `update messages m set reply_to_id = v.answered, reply_to_external = null from unnest($3::uuid[], $4::uuid[]) as v (reply, answered)
     where m.tenant_id = $1 and m.app_id = $2 and m.id = v.reply and m.id = any ($3::uuid[])`,
    columns(batch, waiting, ({ reply, answered }) => [reply, answered]),
  );
}
