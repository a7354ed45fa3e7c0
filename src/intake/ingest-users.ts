import { createHash } from 'node:crypto';
import { uuidv7 } from '../database/uuid.ts';
import { place } from '../data/place.ts';
import { blindIndex } from '../keys/blind-index.ts';
import { createSubjectKeys, subjectKeys } from '../keys/keyring.ts';
import { seal, unsealText } from '../keys/sealed-value.ts';
import { count, ERASED_REASON, skip, timeOrNull, type Batch, type Item, type RecordOf } from './batch.ts';
import { userIndex } from './references.ts';

type UserRecord = RecordOf<'user'>;
interface Identifier {
  type: string;
  value: string;
  verifiedAt: string | null;
}

/** Everything a person can be found by: what the platform verified, what their profile says, and their external id. */
export function identifiersOf(record: UserRecord): Identifier[] {
  const { profile } = record;
  const found: Identifier[] = record.identifiers.map(({ type, value, verifiedAt }) => ({ type, value, verifiedAt: timeOrNull(verifiedAt) }));
  const add = (type: string, value: string | undefined): void => {
    if (value?.trim() && !found.some((one) => one.type === type && one.value === value)) found.push({ type, value, verifiedAt: null });
  };
  add('EXTERNAL_ID', record.externalId);
  add('EMAIL', profile.email);
  add('PHONE', profile.phone);
  for (const name of [profile.displayName, profile.handle, [profile.givenName, profile.surname].filter(Boolean).join(' ')]) add('NAME', name);
  for (const channel of record.channels) if (['WHATSAPP', 'TWITTER', 'INSTAGRAM', 'FACEBOOK', 'APPLE_MESSAGES'].includes(channel.channel)) add(channel.channel, channel.externalId);
  return found;
}

/** Takes people over: new ones get a key of their own, known ones are brought up to date, erased ones stay erased. */
export async function ingestUsers(batch: Batch, items: readonly Item<'user'>[]): Promise<void> {
  const fresh = new Map<string, UserRecord>();
  const known: { id: string; record: UserRecord }[] = [];
  for (const item of items) {
    const { record } = item;
    const user = batch.users.get(record.externalId);
    if (user?.erased && !(await returned(batch, user.id, record))) skip(batch, item, 'user', ERASED_REASON);
    else if (user && !user.erased) known.push({ id: user.id, record });
    else fresh.set(record.externalId, merge(fresh.get(record.externalId), record));
  }
  await insertUsers(batch, [...fresh.values()]);
  // A person given twice in one batch is brought up to date in the order given.
  const latest = new Map<string, UserRecord>();
  for (const { id, record } of known) latest.set(id, merge(latest.get(id), record));
  await updateUsers(batch, latest);
}

const merge = (before: UserRecord | undefined, after: UserRecord): UserRecord =>
  before ? { ...after, profile: { ...before.profile, ...after.profile }, metadata: { ...before.metadata, ...after.metadata }, identifiers: [...before.identifiers, ...after.identifiers], channels: [...before.channels, ...after.channels] } : after;

/** Somebody who signed up anew after their erasure is a new person to us; the same old export fed in again is not. */
async function returned(batch: Batch, erasedId: string, record: UserRecord): Promise<boolean> {
  if (!record.signedUpAt) return false;
  const rows = (await batch.session.db.query(`select 1 from erasures where tenant_id = $1 and target_id = $2 and target = 'USER' and erased_at < $3
     and not exists (select 1 from users where tenant_id = $1 and id = $2)`, [batch.session.scope.tenantId, erasedId, record.signedUpAt])) as unknown[];
  return rows.length > 0;
}

async function insertUsers(batch: Batch, records: readonly UserRecord[]): Promise<void> {
  if (!records.length) return;
  const { db, scope, system } = batch.session;
  const tenantId = scope.tenantId;
  const rows = records.map((record) => ({ id: uuidv7(system.now()), record }));
  const keys = await createSubjectKeys(system.keys, db, tenantId, rows.map(({ id }) => ({ id, appId: batch.appId })));
  const sealed = (id: string, column: 'users.external_id' | 'users.profile' | 'users.metadata', text: string): Buffer => seal(keys.get(id)!, place(tenantId, id, column, id), text);
  await db.query(
    `insert into users (tenant_id, app_id, id, external_index, external_id, kind, profile, metadata, signed_up_at, last_active_at, deactivated_at)
     select $1, $2, * from unnest($3::uuid[], $4::bytea[], $5::bytea[], $6::text[], $7::bytea[], $8::bytea[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[])`,
    [
      tenantId,
      batch.appId,
      rows.map(({ id }) => id),
      rows.map(({ record }) => userIndex(batch, record.externalId)),
      rows.map(({ id, record }) => sealed(id, 'users.external_id', record.externalId)),
      rows.map(({ record }) => record.kind),
      rows.map(({ id, record }) => sealed(id, 'users.profile', JSON.stringify(record.profile))),
      rows.map(({ id, record }) => sealed(id, 'users.metadata', JSON.stringify(record.metadata))),
      rows.map(({ record }) => timeOrNull(record.signedUpAt)),
      rows.map(({ record }) => timeOrNull(record.lastActiveAt)),
      rows.map(({ record }) => timeOrNull(record.deactivatedAt)),
    ],
  );
  for (const { id, record } of rows) batch.users.set(record.externalId, { id, erased: false, kind: record.kind });
  await insertDetails(batch, rows, keys);
  count(batch, 'user', 'created', rows.length);
}

async function insertDetails(batch: Batch, rows: readonly { id: string; record: UserRecord }[], keys: ReadonlyMap<string, Buffer>): Promise<void> {
  const { db, scope, system } = batch.session;
  const tenantId = scope.tenantId;
  const identifiers = rows.flatMap(({ id: userId, record }) => identifiersOf(record).map((identifier) => ({ userId, id: uuidv7(system.now()), ...identifier })));
  await db.query(
    `insert into identifiers (tenant_id, app_id, id, user_id, type, blind_index, value, verified_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[], $8::timestamptz[])
     on conflict (tenant_id, user_id, type, blind_index) do update set verified_at = coalesce(identifiers.verified_at, excluded.verified_at)
       where identifiers.verified_at is null and excluded.verified_at is not null`,
    columns(batch, distinct(identifiers.map((one) => ({ ...one, index: blindIndex(batch.tenantKey, one.type, one.value) })), (one) => `${one.userId}${one.type}${one.index.toString('hex')}`), (one) => [
      one.id,
      one.userId,
      one.type,
      one.index,
      seal(keys.get(one.userId)!, place(tenantId, one.userId, 'identifiers.value', one.id), one.value),
      one.verifiedAt,
    ]),
  );
  const channels = rows.flatMap(({ id: userId, record }) => record.channels.map((channel) => ({ userId, id: uuidv7(system.now()), ...channel })));
  if (!channels.length) return;
  await db.query(
    `insert into channel_identities (tenant_id, app_id, id, user_id, channel, external_index, external_id, display_name, raw, status, linked_at, last_seen_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[], $10::text[], $11::timestamptz[], $12::timestamptz[])
     on conflict (tenant_id, user_id, channel, external_index) do update set status = coalesce(excluded.status, channel_identities.status),
       last_seen_at = coalesce(excluded.last_seen_at, channel_identities.last_seen_at)`,
    columns(batch, distinct(channels, (one) => `${one.userId}${one.channel}${one.externalId}`), (one) => {
      const sealed = (column: 'channel_identities.external_id' | 'channel_identities.display_name' | 'channel_identities.raw', text: string | undefined): Buffer | null =>
        text === undefined ? null : seal(keys.get(one.userId)!, place(tenantId, one.userId, column, one.id), text);
      return [
        one.id,
        one.userId,
        one.channel,
        blindIndex(batch.tenantKey, `CHANNEL/${one.channel}`, one.externalId),
        sealed('channel_identities.external_id', one.externalId),
        sealed('channel_identities.display_name', one.displayName),
        sealed('channel_identities.raw', one.raw && JSON.stringify(one.raw)),
        one.status ?? null,
        timeOrNull(one.linkedAt),
        timeOrNull(one.lastSeenAt),
      ];
    }),
  );
}

async function updateUsers(batch: Batch, latest: ReadonlyMap<string, UserRecord>): Promise<void> {
  if (!latest.size) return;
  const { db, scope, system } = batch.session;
  const tenantId = scope.tenantId;
  const ids = [...latest.keys()];
  const keys = await subjectKeys(system.keys, db, tenantId, ids);
  const rows = (await db.query('select id, kind, profile, metadata, signed_up_at, last_active_at, deactivated_at from users where tenant_id = $1 and id = any ($2) for update', [tenantId, ids])) as StoredUser[];
  let unchanged = 0;
  for (const row of rows) {
    const record = latest.get(row.id)!;
    const key = keys.get(row.id)!;
    const profile = JSON.parse(unsealText(key, place(tenantId, row.id, 'users.profile', row.id), row.profile)) as object;
    const metadata = JSON.parse(unsealText(key, place(tenantId, row.id, 'users.metadata', row.id), row.metadata)) as object;
    const next = { profile: { ...profile, ...record.profile }, metadata: { ...metadata, ...record.metadata } };
    const later = (stored: Date | null, given: string | undefined): boolean => given !== undefined && stored?.getTime() !== new Date(given).getTime();
    const same = fingerprint({ profile, metadata }) === fingerprint(next) && !later(row.signed_up_at, record.signedUpAt) && !later(row.last_active_at, record.lastActiveAt) && !later(row.deactivated_at, record.deactivatedAt);
    if (same) {
      unchanged += 1;
      continue;
    }
    await db.query(
      `update users set profile = $3, metadata = $4, signed_up_at = coalesce($5, signed_up_at), last_active_at = coalesce($6, last_active_at), deactivated_at = coalesce($7, deactivated_at)
       where tenant_id = $1 and id = $2`,
      [
        tenantId,
        row.id,
        seal(key, place(tenantId, row.id, 'users.profile', row.id), JSON.stringify(next.profile)),
        seal(key, place(tenantId, row.id, 'users.metadata', row.id), JSON.stringify(next.metadata)),
        timeOrNull(record.signedUpAt),
        timeOrNull(record.lastActiveAt),
        timeOrNull(record.deactivatedAt),
      ],
    );
    count(batch, 'user', 'updated');
  }
  count(batch, 'user', 'unchanged', unchanged);
  await insertDetails(batch, rows.map(({ id }) => ({ id, record: latest.get(id)! })), keys);
}

interface StoredUser {
  id: string;
  profile: Buffer;
  metadata: Buffer;
  signed_up_at: Date | null;
  last_active_at: Date | null;
  deactivated_at: Date | null;
}

const sorted = (value: unknown): unknown =>
  value && typeof value === 'object' && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, sorted(v)])) : value;
const fingerprint = (value: object): string => createHash('sha256').update(JSON.stringify(sorted(value))).digest('hex');

function distinct<T>(values: readonly T[], nameOf: (value: T) => string): T[] {
  return [...new Map(values.map((value) => [nameOf(value), value])).values()];
}

/** Rows to the column arrays that `unnest` takes, after tenant and app. */
export function columns<T>(batch: Batch, rows: readonly T[], cells: (row: T) => unknown[]): unknown[] {
  const filled = rows.map(cells);
  const width = filled[0]?.length ?? 0;
  return [batch.session.scope.tenantId, batch.appId, ...Array.from({ length: width }, (_, i) => filled.map((row) => row[i]))];
}
