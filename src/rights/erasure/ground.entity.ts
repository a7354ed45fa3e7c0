import { registerEnumType } from 'type-graphql';

/** Why something is erased: GDPR Art. 17(1), and the end of a contract with a processor (Art. 28(3)(g)). */
export enum ErasureGround {
  CONSENT_WITHDRAWN = 'CONSENT_WITHDRAWN',
  NO_LONGER_NECESSARY = 'NO_LONGER_NECESSARY',
  OBJECTION = 'OBJECTION',
  UNLAWFUL_PROCESSING = 'UNLAWFUL_PROCESSING',
  LEGAL_OBLIGATION = 'LEGAL_OBLIGATION',
  CHILD = 'CHILD',
  CONTRACT_ENDED = 'CONTRACT_ENDED',
}
registerEnumType(ErasureGround, {
  name: 'ErasureGround',
  description: 'The ground of an erasure: GDPR Art. 17(1)(a) to (f), or the end of a contract with a processor (Art. 28(3)(g)).',
});

/** What stays where an erased message was. */
export enum MessageErasure {
  REMOVE = 'REMOVE',
  PLACEHOLDER = 'PLACEHOLDER',
}
registerEnumType(MessageErasure, {
  name: 'MessageErasure',
  description: 'What stays where a message was.',
  valuesConfig: {
    REMOVE: { description: 'Nothing: its row goes, and replies to it answer nothing any more.' },
    PLACEHOLDER: { description: 'A tombstone without author or text, so that its thread holds.' },
  },
});
