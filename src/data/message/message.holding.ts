import { deleteRows, type Holding } from '../holding.ts';
import { deleteMessages, newestOf } from './message.deletion.ts';

export const messages: Holding = {
  category: 'messages',
  description: 'Messages the person wrote, and in personal conversations also what the business wrote to them.',
  table: 'messages',
  key: ['id'],
  find: 'subject_id = $2',
  at: 'sent_at',
  sealedBy: 'coalesce(subject_id, conversation_id)',
  columns: [
    { name: 'id', column: 'id', as: 'plain' },
    { name: 'conversationId', column: 'conversation_id', as: 'plain' },
    { name: 'author', column: 'author_id', as: 'person' },
    { name: 'sentAt', column: 'sent_at', as: 'time' },
    { name: 'editedAt', column: 'edited_at', as: 'time' },
    { name: 'kind', column: 'kind', as: 'plain' },
    { name: 'channel', column: 'channel', as: 'plain' },
    { name: 'direction', column: 'direction', as: 'plain' },
    { name: 'replyTo', column: 'reply_to_id', as: 'plain' },
    { name: 'externalId', column: 'external_id', as: 'plain' },
    { name: 'campaignId', column: 'campaign_id', as: 'plain' },
    { name: 'body', column: 'body', as: 'sealed', sealed: 'messages.body', mentions: true },
    { name: 'metadata', column: 'metadata', as: 'sealed-json', sealed: 'messages.metadata' },
  ],
  people: ['subject_id', 'author_id'],
  erase: async (session, userId, limit) => {
    const { db, scope } = session;
    // Newest first, so that a person's own answers are gone before it is asked whether what they answer was answered.
    const ids = await newestOf(session, 'subject_id', userId, limit);
    if (ids.length) return { rows: ids.length, ...(await deleteMessages(session, ids, 'ANSWERED')) };
    // What an agent wrote to somebody else is that person's data: the text stays with them, the author goes.
    const [, authored] = (await db.query(
      'update messages set author_id = null where tenant_id = $1 and id in (select id from messages where tenant_id = $1 and author_id = $2 and author_id <> subject_id limit $3)',
      [scope.tenantId, userId, limit],
    )) as [unknown[], number];
    return { rows: authored, counts: { messages: 0, authorsBlanked: authored } };
  },
};

export const mentions: Holding = {
  category: 'mentions',
  description: 'Where other people mention the person in a message.',
  table: 'mentions',
  key: ['message_id', 'user_id'],
  find: 'user_id = $2',
  at: null,
  sealedBy: 'user_id',
  columns: [
    { name: 'messageId', column: 'message_id', as: 'plain' },
    { name: 'conversationId', column: 'conversation_id', as: 'plain' },
  ],
  portable: false,
  people: ['user_id'],
  erase: deleteRows('mentions', ['message_id', 'user_id'], 'user_id = $2'),
};

export const reactions: Holding = {
  category: 'reactions',
  description: 'Reactions the person gave.',
  table: 'reactions',
  key: ['message_id', 'user_id', 'emoji'],
  find: 'user_id = $2',
  at: 'reacted_at',
  sealedBy: 'user_id',
  columns: [
    { name: 'messageId', column: 'message_id', as: 'plain' },
    { name: 'conversationId', column: 'conversation_id', as: 'plain' },
    { name: 'emoji', column: 'emoji', as: 'plain' },
    { name: 'reactedAt', column: 'reacted_at', as: 'time' },
  ],
  people: ['user_id'],
  erase: deleteRows('reactions', ['message_id', 'user_id', 'emoji'], 'user_id = $2'),
};
