import type { RawRecord } from '../../src/intake/records.ts';

/** A time of the day on which everything in these tests happens. */
export const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();

export const people: RawRecord[] = [
  {
    type: 'user',
    externalId: 'ada',
    profile: { displayName: 'Ada', email: 'ada@example.org' },
    channels: [{ channel: 'whatsapp', externalId: '49301', displayName: 'A' }],
  },
  { type: 'user', externalId: 'ben', profile: { displayName: 'Ben' }, metadata: { plan: 'gold' } },
  { type: 'user', externalId: 'cleo', kind: 'AGENT', profile: { displayName: 'Cleo' } },
];
export const room: RawRecord = {
  type: 'conversation',
  externalId: 'room',
  kind: 'PUBLIC_GROUP',
  name: 'Room',
  participants: [{ user: 'ada' }, { user: 'ben', role: 'owner' }],
};
