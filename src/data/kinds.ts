import { registerEnumType } from 'type-graphql';

const enumOf = <T extends string>(...names: T[]): { readonly [K in T]: K } =>
  Object.fromEntries(names.map((name) => [name, name])) as { [K in T]: K };

export const UserKind = enumOf('END_USER', 'AGENT', 'BOT');
export const IdentifierType = enumOf(
  'NAME',
  'ADDRESS',
  'PHONE',
  'EMAIL',
  'TWITTER',
  'INSTAGRAM',
  'FACEBOOK',
  'APPLE_MESSAGES',
  'WHATSAPP',
  'EXTERNAL_ID',
);
export const ConversationKind = enumOf('DIRECT', 'PRIVATE_GROUP', 'PUBLIC_GROUP', 'PERSONAL');
export const MessageKind = enumOf('TEXT', 'ACTION', 'SYSTEM', 'BOT', 'COMMENT', 'FILE', 'TOMBSTONE');
export const Direction = enumOf('INBOUND', 'OUTBOUND', 'INTERNAL');
export const CallKind = enumOf('VOICE', 'VIDEO');
export type IdentifierTypeName = keyof typeof IdentifierType;

registerEnumType(UserKind, {
  name: 'UserKind',
  description: 'What somebody is to the platform.',
  valuesConfig: {
    END_USER: { description: 'A person who uses the platform, or a customer of the business.' },
    AGENT: { description: 'A person who answers for the business.' },
    BOT: { description: 'A program.' },
  },
});
registerEnumType(IdentifierType, {
  name: 'IdentifierType',
  description:
    'What a person can be found by. The type decides how values are compared: e-mail and handles without case, phone numbers by their digits, names without case or extra spaces, EXTERNAL_ID (the id on the platform) exactly.',
});
registerEnumType(ConversationKind, {
  name: 'ConversationKind',
  description: 'Who can be in a conversation.',
  valuesConfig: {
    DIRECT: { description: 'Between two people.' },
    PRIVATE_GROUP: { description: 'A group one is invited to.' },
    PUBLIC_GROUP: { description: 'A group anybody of the app can join.' },
    PERSONAL: { description: 'Between one end user and the business: all of it is that person’s data.' },
  },
});
registerEnumType(MessageKind, {
  name: 'MessageKind',
  description: 'What a message is.',
  valuesConfig: {
    TEXT: { description: 'Somebody wrote it.' },
    ACTION: { description: 'Something somebody did, told in their name.' },
    SYSTEM: { description: 'Written by the platform.' },
    BOT: { description: 'Written by a program.' },
    COMMENT: { description: 'A comment on a file.' },
    FILE: { description: 'A file that was shared.' },
    TOMBSTONE: { description: 'The place of a message that was deleted: no author, no text.' },
  },
});
registerEnumType(Direction, {
  name: 'Direction',
  description: 'Which way a message went, seen from the business.',
  valuesConfig: {
    INBOUND: { description: 'From the person to the business.' },
    OUTBOUND: { description: 'From the business to the person.' },
    INTERNAL: { description: 'Within the business.' },
  },
});
registerEnumType(CallKind, { name: 'CallKind', description: 'Voice only, or with picture.' });
