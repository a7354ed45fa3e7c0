import { storeMentions } from '../data/mention.ts';
import { place } from '../data/place.ts';
import { arrayOf, type ElementType } from '../database/arrays.ts';
import { seal } from '../keys/sealed-value.ts';
import type { Accepted, Batch } from './batch.ts';
import { sealingId } from './message-edit.ts';

type Cell = string | Buffer | null;

/** What the row of a message is made with. */
interface RowContext {
  batch: Batch;
  keys: ReadonlyMap<string, Buffer>;
  replyOf: (message: Accepted) => { id: string | null; waitsFor: string | null };
}

type Column = [name: string, type: ElementType, cell: (message: Accepted, context: RowContext) => Cell];

/** Of a deleted message only its place is left. */
const isTombstone = ({ record }: Accepted): boolean => record.kind === 'TOMBSTONE';
const held =
  (valueOf: (record: Accepted['record']) => string | undefined): Column[2] =>
  (message) =>
    isTombstone(message) ? null : (valueOf(message.record) ?? null);

const COLUMNS: readonly Column[] = [
  ['id', 'uuid', ({ id }) => id],
  ['conversation_id', 'uuid', ({ conversationId }) => conversationId],
  ['author_id', 'uuid', ({ authorId }) => authorId],
  ['subject_id', 'uuid', ({ subjectId }) => subjectId],
  ['sent_at', 'timestamptz', ({ record }) => record.sentAt],
  ['edited_at', 'timestamptz', held(({ editedAt }) => editedAt)],
  ['deleted_at', 'timestamptz', (message) => (isTombstone(message) ? message.record.sentAt : null)],
  ['reply_to_id', 'uuid', (message, { replyOf }) => replyOf(message).id],
  ['reply_to_external', 'text', (message, { replyOf }) => replyOf(message).waitsFor],
  ['channel', 'text', held(({ channel }) => channel)],
  ['direction', 'text', held(({ direction }) => direction)],
  ['kind', 'text', ({ record }) => record.kind],
  ['external_id', 'text', ({ record }) => record.externalId],
  ['campaign_id', 'text', held(({ campaignId }) => campaignId)],
  ['body', 'bytea', sealedBody],
  ['metadata', 'bytea', sealedMetadata],
];

function sealedBody(message: Accepted, { batch, keys }: RowContext): Buffer | null {
  if (isTombstone(message)) return null;
  const owner = sealingId(message);
  const { body, mentions } = message.record;
  const stored = storeMentions(body, mentions, (externalId) => batch.users.get(externalId)?.id);
  return seal(keys.get(owner)!, place(batch.session.scope.tenantId, owner, 'messages.body', message.id), stored);
}

function sealedMetadata(message: Accepted, { batch, keys }: RowContext): Buffer | null {
  const { metadata } = message.record;
  if (isTombstone(message) || isEmpty(metadata)) return null;
  const owner = sealingId(message);
  const at = place(batch.session.scope.tenantId, owner, 'messages.metadata', message.id);
  return seal(keys.get(owner)!, at, JSON.stringify(metadata));
}

const isEmpty = (object: object): boolean => {
  for (const _ in object) return false;
  return true;
};

/** Writes messages, and answers how many were not there before. */
export const INSERT_MESSAGES = `with written as (
  insert into messages (tenant_id, app_id, ${COLUMNS.map(([name]) => name).join(', ')})
  select $1, $2, * from unnest(${COLUMNS.map(([, type], index) => `$${index + 3}::${type}[]`).join(', ')})
  on conflict (tenant_id, conversation_id, external_id) do nothing returning 1
) select count(*)::int as written from written`;

/** Its parameters. Of a column with nothing in it an empty array, which unnest fills up. */
export function messageRows(messages: readonly Accepted[], context: RowContext): unknown[] {
  const { session, appId } = context.batch;
  const arrays = COLUMNS.map(([, type, cell]) => {
    const cells = messages.map((message) => cell(message, context));
    return arrayOf(type, cells.some((value) => value !== null) ? cells : []);
  });
  return [session.scope.tenantId, appId, ...arrays];
}
