import { deleteRows, type Holding } from '../holding.ts';

/** Personal conversations (one end user and the business) are the end user's data; others belong to nobody alone. */
export const conversations: Holding = {
  category: 'personalConversations',
  description: 'Conversations between the person and the business.',
  table: 'conversations',
  key: ['id'],
  find: 'subject_id = $2',
  at: 'created_at',
  sealedBy: 'id',
  columns: [
    { name: 'id', column: 'id', as: 'plain' },
    { name: 'kind', column: 'kind', as: 'plain' },
    { name: 'name', column: 'name', as: 'sealed', sealed: 'conversations.name' },
    { name: 'createdAt', column: 'created_at', as: 'time' },
    { name: 'archivedAt', column: 'archived_at', as: 'time' },
  ],
  people: ['subject_id'],
  // Their messages are gone by now (see the order of holdings.ts), but for tombstones; calls and participants are let go first.
  erase: async ({ db, scope }, userId, limit) => {
    const ids = (
      (await db.query('select id from conversations where tenant_id = $1 and subject_id = $2 limit $3', [
        scope.tenantId,
        userId,
        limit,
      ])) as { id: string }[]
    ).map((row) => row.id);
    if (!ids.length) return { rows: 0 };
    await db.query(
      'delete from messages where tenant_id = $1 and conversation_id = any ($2) and subject_id is null and deleted_at is not null',
      [scope.tenantId, ids],
    );
    await db.query('update calls set conversation_id = null where tenant_id = $1 and conversation_id = any ($2)', [
      scope.tenantId,
      ids,
    ]);
    await db.query('delete from participants where tenant_id = $1 and conversation_id = any ($2)', [scope.tenantId, ids]);
    await db.query('delete from conversations where tenant_id = $1 and id = any ($2)', [scope.tenantId, ids]);
    await db.query('delete from keys.subject_keys where tenant_id = $1 and subject_id = any ($2)', [scope.tenantId, ids]);
    return { rows: ids.length };
  },
};

export const participants: Holding = {
  category: 'conversations',
  description: 'The conversations the person takes or took part in.',
  table: 'participants',
  key: ['conversation_id', 'user_id'],
  find: 'user_id = $2',
  at: 'joined_at',
  sealedBy: 'user_id',
  columns: [
    { name: 'conversationId', column: 'conversation_id', as: 'plain' },
    { name: 'role', column: 'role', as: 'plain' },
    { name: 'joinedAt', column: 'joined_at', as: 'time' },
    { name: 'leftAt', column: 'left_at', as: 'time' },
  ],
  people: ['user_id'],
  erase: deleteRows('participants', ['conversation_id', 'user_id'], 'user_id = $2'),
};
