import { place } from '../data/place.ts';
import { uuidv7 } from '../database/uuid.ts';
import { blindIndex } from '../keys/blind-index.ts';
import { seal, unsealText } from '../keys/sealed-value.ts';
import { columns, distinct, timeOrNull, type Batch } from './batch.ts';
import type { Person, UserRecord } from './ingest-identifiers.ts';

interface Given {
  userId: string;
  index: Buffer;
  account: UserRecord['channels'][number];
}
interface Stored {
  id: string;
  user_id: string;
  channel: string;
  external_index: Buffer;
  display_name: Buffer | null;
  raw: Buffer | null;
  status: string | null;
  linked_at: Date | null;
  last_seen_at: Date | null;
}
type SealedPart = 'channel_identities.external_id' | 'channel_identities.display_name' | 'channel_identities.raw';

const nameOf = (userId: string, channel: string, index: Buffer): string => `${userId}/${channel}/${index.toString('base64')}`;

/** Takes over the accounts through which people are reached, brings known ones up to date, and answers whose changed. */
export async function ingestChannels(
  batch: Batch,
  people: readonly Person[],
  keys: ReadonlyMap<string, Buffer>,
): Promise<Set<string>> {
  const given = people.flatMap(({ id: userId, record }) =>
    record.channels.map((account) => ({
      userId,
      account,
      index: blindIndex(batch.tenantKey, `CHANNEL/${account.channel}`, account.externalId),
    })),
  );
  if (!given.length) return new Set();
  const { db, scope } = batch.session;
  const rows = (await db.query(
    `select id, user_id, channel, external_index, display_name, raw, status, linked_at, last_seen_at from channel_identities
     where tenant_id = $1 and user_id = any ($2)`,
    [scope.tenantId, [...new Set(given.map(({ userId }) => userId))]],
  )) as Stored[];
  const held = new Map(rows.map((row) => [nameOf(row.user_id, row.channel, row.external_index), row]));
  const changed = new Set<string>();
  const fresh: Given[] = [];
  for (const one of distinct(given, ({ userId, account, index }) => nameOf(userId, account.channel, index))) {
    const row = held.get(nameOf(one.userId, one.account.channel, one.index));
    if (!row) fresh.push(one);
    if (!row || (await updateChannel(batch, row, one.account, keys.get(one.userId)!))) changed.add(one.userId);
  }
  await insertChannels(batch, fresh, keys);
  return changed;
}

async function insertChannels(batch: Batch, fresh: readonly Given[], keys: ReadonlyMap<string, Buffer>): Promise<void> {
  if (!fresh.length) return;
  const { db, scope, system } = batch.session;
  await db.query(
    `insert into channel_identities (tenant_id, app_id, id, user_id, channel, external_index, external_id, display_name, raw, status, linked_at, last_seen_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[], $10::text[], $11::timestamptz[], $12::timestamptz[])`,
    columns(batch, fresh, ({ userId, index, account }) => {
      const id = uuidv7(system.now());
      const sealed = (column: SealedPart, text: string | undefined): Buffer | null =>
        text === undefined ? null : seal(keys.get(userId)!, place(scope.tenantId, userId, column, id), text);
      return [
        id,
        userId,
        account.channel,
        index,
        sealed('channel_identities.external_id', account.externalId),
        sealed('channel_identities.display_name', account.displayName),
        sealed('channel_identities.raw', account.raw && JSON.stringify(account.raw)),
        account.status ?? null,
        timeOrNull(account.linkedAt),
        timeOrNull(account.lastSeenAt),
      ];
    }),
  );
}

/** True where the record says something else than the row did. */
async function updateChannel(batch: Batch, row: Stored, account: Given['account'], key: Buffer): Promise<boolean> {
  const { db, scope } = batch.session;
  const at = (column: SealedPart) => place(scope.tenantId, row.user_id, column, row.id);
  const resealed = (column: SealedPart, stored: Buffer | null, text: string | undefined): Buffer | null => {
    if (text === undefined || (stored && unsealText(key, at(column), stored) === text)) return null;
    return seal(key, at(column), text);
  };
  const displayName = resealed('channel_identities.display_name', row.display_name, account.displayName);
  const raw = resealed('channel_identities.raw', row.raw, account.raw && JSON.stringify(account.raw));
  const status = account.status !== undefined && account.status !== row.status ? account.status : null;
  const linkedAt =
    account.linkedAt !== undefined && Date.parse(account.linkedAt) !== row.linked_at?.getTime() ? account.linkedAt : null;
  const seenAt =
    account.lastSeenAt !== undefined && Date.parse(account.lastSeenAt) > (row.last_seen_at?.getTime() ?? 0)
      ? account.lastSeenAt
      : null;
  if ([displayName, raw, status, linkedAt, seenAt].every((part) => part === null)) return false;
  await db.query(
    `update channel_identities set display_name = coalesce($3, display_name), raw = coalesce($4, raw), status = coalesce($5, status),
       linked_at = coalesce($6, linked_at), last_seen_at = coalesce($7, last_seen_at) where tenant_id = $1 and id = $2`,
    [scope.tenantId, row.id, displayName, raw, status, linkedAt, seenAt],
  );
  return true;
}
