import type { Place } from '../keys/sealed-value.ts';

/** The sealed columns of the database, by their name: `table.column`. */
export const SEALED_COLUMNS = [
  'users.external_id',
  'users.profile',
  'users.metadata',
  'identifiers.value',
  'channel_identities.external_id',
  'channel_identities.display_name',
  'channel_identities.raw',
  'business_links.reference',
  'conversations.external_id',
  'conversations.name',
  'messages.body',
  'messages.metadata',
  'attachments.name',
  'attachments.url',
  'delivery_records.source',
  'delivery_records.destination',
  'requests.needles',
] as const;
export type SealedColumn = (typeof SEALED_COLUMNS)[number];

/** The place of a sealed value: which person's key, which column, which row. */
export const place = (tenantId: string, subjectId: string, column: SealedColumn, row: string): Place => ({
  tenantId,
  subjectId,
  column,
  row,
});
