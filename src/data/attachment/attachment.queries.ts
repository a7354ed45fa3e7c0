import type { BatchLoad } from '../../scope/context.ts';
import { short } from '../sealed-field.ts';
import type { Attachment } from './attachment.entity.ts';

/** The files of messages, by message. */
export const loadAttachments: BatchLoad<Attachment[]> = async ({ db, scope }, ids) => {
  const rows = (await db.query(
    `select id, message_id as "messageId", coalesce(subject_id, conversation_id) as "ownerId", content_type as "contentType", size::float8 as size, sha256, stored,
       name as "sealedName", ${short('url')} as "sealedUrl" from attachments where tenant_id = $1 and message_id = any ($2) order by id`,
    [scope.tenantId, ids],
  )) as Attachment[];
  const lists = new Map<string, Attachment[]>(ids.map((id) => [id, []]));
  for (const row of rows) lists.get(row.messageId)?.push(row);
  return ids.map((id) => lists.get(id));
};
