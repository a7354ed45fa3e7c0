import type { Holding } from '../holding.ts';
import { attachmentContext, attachmentKey } from './attachment.content.ts';

export const attachments: Holding = {
  category: 'attachments',
  description: 'Files the person sent or uploaded, and in personal conversations those the business sent to them.',
  table: 'attachments',
  key: ['id'],
  find: 'subject_id = $2',
  at: 'created_at',
  sealedBy: 'coalesce(subject_id, conversation_id)',
  columns: [
    { name: 'id', column: 'id', as: 'plain' },
    { name: 'messageId', column: 'message_id', as: 'plain' },
    { name: 'conversationId', column: 'conversation_id', as: 'plain' },
    { name: 'externalId', column: 'external_id', as: 'plain' },
    { name: 'name', column: 'name', as: 'sealed', sealed: 'attachments.name' },
    { name: 'url', column: 'url', as: 'sealed', sealed: 'attachments.url' },
    { name: 'contentType', column: 'content_type', as: 'plain' },
    { name: 'size', column: 'size', as: 'bigint' },
    { name: 'sha256', column: 'sha256', as: 'plain' },
    { name: 'stored', column: 'stored', as: 'plain' },
    { name: 'createdAt', column: 'created_at', as: 'time' },
  ],
  content: (tenantId, id) => ({ key: attachmentKey(tenantId, id), context: attachmentContext(tenantId, id) }),
  people: ['subject_id'],
  erase: async ({ db, scope }, userId, limit) => {
    const [rows] = (await db.query(
      'delete from attachments where tenant_id = $1 and id in (select id from attachments where tenant_id = $1 and subject_id = $2 limit $3) returning id, stored',
      [scope.tenantId, userId, limit],
    )) as [{ id: string; stored: boolean }[], number];
    return { rows: rows.length, files: rows.filter((row) => row.stored).map((row) => attachmentKey(scope.tenantId, row.id)) };
  },
};
