import { deleteRows, type Holding } from '../holding.ts';

/** A call stays in the record of the others who took part; without any, it goes with the person who started it. */
export const calls: Holding = {
  category: 'calls',
  description: 'Calls the person started or took part in: when, how long, in which conversation.',
  table: 'calls',
  key: ['id'],
  find: '(initiator_id = $2 or id in (select p.call_id from call_participants p where p.tenant_id = $1 and p.user_id = $2))',
  at: 'started_at',
  sealedBy: 'initiator_id',
  columns: [
    { name: 'id', column: 'id', as: 'plain' },
    { name: 'externalId', column: 'external_id', as: 'plain' },
    { name: 'kind', column: 'kind', as: 'plain' },
    { name: 'initiator', column: 'initiator_id', as: 'person' },
    { name: 'conversationId', column: 'conversation_id', as: 'plain' },
    { name: 'startedAt', column: 'started_at', as: 'time' },
    { name: 'endedAt', column: 'ended_at', as: 'time' },
    { name: 'durationSeconds', column: 'duration_seconds', as: 'plain' },
  ],
  people: ['initiator_id'],
  erase: async ({ db, scope }, userId, limit) => {
    const [, own] = (await db.query('delete from call_participants where tenant_id = $1 and user_id = $2', [
      scope.tenantId,
      userId,
    ])) as [unknown[], number];
    const [, deleted] = (await db.query(
      `delete from calls c where tenant_id = $1 and id in (select id from calls where tenant_id = $1 and initiator_id = $2 limit $3)
         and not exists (select 1 from call_participants p where p.tenant_id = $1 and p.call_id = c.id)`,
      [scope.tenantId, userId, limit],
    )) as [unknown[], number];
    const [, blanked] = (await db.query(
      'update calls set initiator_id = null where tenant_id = $1 and id in (select id from calls where tenant_id = $1 and initiator_id = $2 limit $3)',
      [scope.tenantId, userId, limit],
    )) as [unknown[], number];
    return { rows: deleted + blanked, counts: { participations: own, blanked } };
  },
};

export const callParticipants: Holding = {
  category: 'callParticipation',
  description: 'When the person joined and left calls.',
  table: 'call_participants',
  key: ['call_id', 'user_id'],
  find: 'user_id = $2',
  at: 'joined_at',
  sealedBy: 'user_id',
  columns: [
    { name: 'callId', column: 'call_id', as: 'plain' },
    { name: 'joinedAt', column: 'joined_at', as: 'time' },
    { name: 'leftAt', column: 'left_at', as: 'time' },
  ],
  people: ['user_id'],
  erase: deleteRows('call_participants', ['call_id', 'user_id'], 'user_id = $2'),
};
