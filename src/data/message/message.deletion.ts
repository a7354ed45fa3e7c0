import { attachmentKey } from '../attachment/attachment.content.ts';
import type { Session } from '../../scope/in-scope.ts';

/**
 * Deletes messages with all that hangs on them; of a message that was answered, or may be fed in again, its place stays as a tombstone:
 * id, conversation, time and the platform's id, without author, text or anything else. Answers how many rows went, and which files must go.
 */
export async function deleteMessages({ db, scope }: Session, ids: readonly string[], keep: 'ANSWERED' | 'ALL'): Promise<{ counts: Record<string, number>; files: string[] }> {
  const tenantId = scope.tenantId;
  const gone = async (sql: string): Promise<number> => ((await db.query(sql, [tenantId, ids])) as [unknown[], number])[1];
  const [attachments] = (await db.query('delete from attachments where tenant_id = $1 and message_id = any ($2) returning id, stored', [tenantId, ids])) as [
    { id: string; stored: boolean }[],
    number,
  ];
  const reactions = await gone('delete from reactions where tenant_id = $1 and message_id = any ($2)');
  const mentions = await gone('delete from mentions where tenant_id = $1 and message_id = any ($2)');
  await gone('update delivery_records set message_id = null where tenant_id = $1 and message_id = any ($2)');
  const answered = keep === 'ALL' ? 'true' : 'exists (select 1 from messages r where r.tenant_id = $1 and r.reply_to_id = m.id and not r.id = any ($2))';
  const tombstones = await gone(
    `update messages m set author_id = null, subject_id = null, body = null, metadata = null, edited_at = null, channel = null, direction = null, campaign_id = null,
       kind = 'TOMBSTONE', deleted_at = now()
     where m.tenant_id = $1 and m.id = any ($2) and m.kind <> 'TOMBSTONE' and ${answered}`,
  );
  const deleted = keep === 'ALL' ? 0 : await gone(`delete from messages m where m.tenant_id = $1 and m.id = any ($2) and not (${answered})`);
  return {
    counts: { messages: deleted + tombstones, tombstones, attachments: attachments.length, reactions, mentions },
    files: attachments.filter((row) => row.stored).map((row) => attachmentKey(tenantId, row.id)),
  };
}
