import { blindIndex } from '../../keys/blind-index.ts';
import type { Session } from '../../scope/in-scope.ts';
import { attachmentKey } from '../attachment/attachment.content.ts';

/** What stays: a tombstone of those that were answered by a message that is not deleted with them, of all of them, or of none. */
export type Keep = 'ANSWERED' | 'ALL' | 'NONE';

/** By what the ledger knows a single message that was erased, so that feeding it in again does not bring it back. */
export const messageIndex = (tenantKey: Buffer, conversationId: string, externalId: string): Buffer => blindIndex(tenantKey, `MESSAGE/${conversationId}`, externalId);

/**
 * Deletes messages with all that hangs on them; of those that `keep` names, the place stays as a tombstone: id, conversation, time and the
 * platform's id, without author, text or anything else. Answers how many rows went, and which files must go.
 */
export async function deleteMessages({ db, scope }: Session, ids: readonly string[], keep: Keep): Promise<{ counts: Record<string, number>; files: string[] }> {
  const tenantId = scope.tenantId;
  const gone = async (sql: string): Promise<number> => ((await db.query(sql, [tenantId, ids])) as [unknown[], number])[1];
  const [attachments] = (await db.query('delete from attachments where tenant_id = $1 and message_id = any ($2) returning id, stored', [tenantId, ids])) as [
    { id: string; stored: boolean }[],
    number,
  ];
  const reactions = await gone('delete from reactions where tenant_id = $1 and message_id = any ($2)');
  const mentions = await gone('delete from mentions where tenant_id = $1 and message_id = any ($2)');
  await gone('update delivery_records set message_id = null where tenant_id = $1 and message_id = any ($2)');
  const answered = { ALL: 'true', NONE: 'false', ANSWERED: 'exists (select 1 from messages r where r.tenant_id = $1 and r.reply_to_id = m.id and not r.id = any ($2))' }[keep];
  const tombstones =
    keep === 'NONE'
      ? 0
      : await gone(
          `update messages m set author_id = null, subject_id = null, body = null, metadata = null, edited_at = null, channel = null, direction = null, campaign_id = null,
             kind = 'TOMBSTONE', deleted_at = now()
           where m.tenant_id = $1 and m.id = any ($2) and m.kind <> 'TOMBSTONE' and ${answered}`,
        );
  let deleted = 0;
  if (keep !== 'ALL') {
    const [rows] = (await db.query(`delete from messages m where m.tenant_id = $1 and m.id = any ($2) and not (${answered}) returning m.id`, [tenantId, ids])) as [{ id: string }[], number];
    deleted = rows.length;
    // A reply that stays must not point at a row that went.
    if (deleted) await db.query('update messages set reply_to_id = null where tenant_id = $1 and reply_to_id = any ($2)', [tenantId, rows.map((row) => row.id)]);
  }
  return {
    counts: { messages: deleted + tombstones, tombstones, attachments: attachments.length, reactions, mentions },
    files: attachments.filter((row) => row.stored).map((row) => attachmentKey(tenantId, row.id)),
  };
}
