import { attachments } from './attachment/attachment.holding.ts';
import { callParticipants, calls } from './call/call.holding.ts';
import { conversations, participants } from './conversation/conversation.holding.ts';
import { deliveryRecords } from './delivery/delivery.holding.ts';
import type { Holding } from './holding.ts';
import { mentions, messages, reactions } from './message/message.holding.ts';
import { businessLinks, channelIdentities, identifiers, users } from './user/user.holding.ts';

/** Everything held about people, in the order it is erased: what hangs on a row before the row, the person last. */
export const HOLDINGS: readonly Holding[] = [
  reactions,
  mentions,
  attachments,
  deliveryRecords,
  messages,
  callParticipants,
  calls,
  participants,
  conversations,
  businessLinks,
  channelIdentities,
  identifiers,
  users,
];

/** Tables that name people without being holdings, and why a person's id may stay in them. The catalogue test knows no other exception. */
export const BEYOND_HOLDINGS: Readonly<Record<string, string>> = {
  requests: 'the record that a request was made and answered (Art. 5(2)); holds ids and counts',
  artefacts: 'export files: deleted with the person, the row stays as evidence',
  artefact_subjects: 'whom an export file holds: deleted with the file',
  erasures: 'the ledger that keeps an erased person from coming back; holds ids and a keyed index',
  'keys.subject_keys': 'the key itself: destroyed first of all',
};
