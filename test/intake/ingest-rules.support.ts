import type { RawRecord } from '../../src/intake/records.ts';
import { at } from './ingest.support.ts';

export const ada: RawRecord = { type: 'user', externalId: 'ada', profile: { displayName: 'Ada', email: 'ada@example.org' } };
export const cleo: RawRecord = { type: 'user', externalId: 'cleo', kind: 'AGENT' };
export const room: RawRecord = {
  type: 'conversation',
  externalId: 'room',
  kind: 'PUBLIC_GROUP',
  participants: [{ user: 'ada' }],
};
export const message = (externalId: string, more: Partial<Extract<RawRecord, { type: 'message' }>> = {}): RawRecord => ({
  type: 'message',
  externalId,
  conversation: 'room',
  author: 'ada',
  sentAt: at(1),
  ...more,
});
