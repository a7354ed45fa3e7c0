import { deleteRows, type Holding } from '../holding.ts';

export const deliveryRecords: Holding = {
  category: 'deliveries',
  description: 'Traffic data: attempts to deliver messages to the person.',
  table: 'delivery_records',
  key: ['id'],
  find: 'user_id = $2',
  at: 'at',
  sealedBy: 'user_id',
  columns: [
    { name: 'id', column: 'id', as: 'plain' },
    { name: 'externalId', column: 'external_id', as: 'plain' },
    { name: 'messageId', column: 'message_id', as: 'plain' },
    { name: 'channel', column: 'channel', as: 'plain' },
    { name: 'source', column: 'source', as: 'sealed', sealed: 'delivery_records.source' },
    { name: 'destination', column: 'destination', as: 'sealed', sealed: 'delivery_records.destination' },
    { name: 'status', column: 'status', as: 'plain' },
    { name: 'at', column: 'at', as: 'time' },
  ],
  people: ['user_id'],
  erase: deleteRows('delivery_records', ['id'], 'user_id = $2'),
};
