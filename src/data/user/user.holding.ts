import { deleteRows, type Holding } from '../holding.ts';

/** The person's own row. It goes last: until then the other holdings are found through it. */
export const users: Holding = {
  category: 'profile',
  description: 'The profile, and what else the platform keeps about the person.',
  table: 'users',
  key: ['id'],
  find: 'id = $2',
  at: 'created_at',
  sealedBy: 'id',
  columns: [
    { name: 'id', column: 'id', as: 'plain' },
    { name: 'externalId', column: 'external_id', as: 'sealed', sealed: 'users.external_id' },
    { name: 'kind', column: 'kind', as: 'plain' },
    { name: 'profile', column: 'profile', as: 'sealed-json', sealed: 'users.profile' },
    { name: 'metadata', column: 'metadata', as: 'sealed-json', sealed: 'users.metadata' },
    { name: 'signedUpAt', column: 'signed_up_at', as: 'time' },
    { name: 'lastActiveAt', column: 'last_active_at', as: 'time' },
    { name: 'deactivatedAt', column: 'deactivated_at', as: 'time' },
    { name: 'restrictedAt', column: 'restricted_at', as: 'time' },
  ],
  people: ['id'],
  erase: deleteRows('users', ['id'], 'id = $2'),
};

export const identifiers: Holding = {
  category: 'identifiers',
  description: 'What the person can be found by: addresses, numbers, names, the id on the platform.',
  table: 'identifiers',
  key: ['id'],
  find: 'user_id = $2',
  at: null,
  sealedBy: 'user_id',
  columns: [
    { name: 'type', column: 'type', as: 'plain' },
    { name: 'value', column: 'value', as: 'sealed', sealed: 'identifiers.value' },
    { name: 'verifiedAt', column: 'verified_at', as: 'time' },
  ],
  people: ['user_id'],
  erase: deleteRows('identifiers', ['id'], 'user_id = $2'),
};

export const channelIdentities: Holding = {
  category: 'channels',
  description: 'Accounts on other messaging channels that are linked to the person.',
  table: 'channel_identities',
  key: ['id'],
  find: 'user_id = $2',
  at: 'linked_at',
  sealedBy: 'user_id',
  columns: [
    { name: 'channel', column: 'channel', as: 'plain' },
    { name: 'externalId', column: 'external_id', as: 'sealed', sealed: 'channel_identities.external_id' },
    { name: 'displayName', column: 'display_name', as: 'sealed', sealed: 'channel_identities.display_name' },
    { name: 'raw', column: 'raw', as: 'sealed-json', sealed: 'channel_identities.raw' },
    { name: 'status', column: 'status', as: 'plain' },
    { name: 'linkedAt', column: 'linked_at', as: 'time' },
    { name: 'lastSeenAt', column: 'last_seen_at', as: 'time' },
  ],
  people: ['user_id'],
  erase: deleteRows('channel_identities', ['id'], 'user_id = $2'),
};

export const businessLinks: Holding = {
  category: 'businessLinks',
  description: 'Where business systems speak of the person: tickets, customer records.',
  table: 'business_links',
  key: ['id'],
  find: 'user_id = $2',
  at: 'created_at',
  sealedBy: 'user_id',
  columns: [
    { name: 'system', column: 'system', as: 'plain' },
    { name: 'reference', column: 'reference', as: 'sealed', sealed: 'business_links.reference' },
  ],
  people: ['user_id'],
  erase: deleteRows('business_links', ['id'], 'user_id = $2'),
};
