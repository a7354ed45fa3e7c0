import { place } from '../data/place.ts';
import { uuidv7 } from '../database/uuid.ts';
import { blindIndex } from '../keys/blind-index.ts';
import { seal } from '../keys/sealed-value.ts';
import { columns, timeOrNull, type Batch, type RecordOf } from './batch.ts';

export type UserRecord = RecordOf<'user'>;

/** A person taken over: `record` says what holds of them now, `before` what their profile said until now. */
export interface Person {
  id: string;
  record: UserRecord;
  before?: UserRecord['profile'];
}

interface Identifier {
  type: string;
  value: string;
  verifiedAt: string | null;
}
type Indexed = Identifier & { userId: string; index: Buffer };

/** What a profile alone says a person can be found by. */
function derived(profile: UserRecord['profile']): Identifier[] {
  const names = [profile.displayName, profile.handle, [profile.givenName, profile.surname].filter(Boolean).join(' ')];
  const found: [string, string | undefined][] = [
    ['EMAIL', profile.email],
    ['PHONE', profile.phone],
    ...names.map((name): [string, string | undefined] => ['NAME', name]),
  ];
  return found.flatMap(([type, value]) => (value?.trim() ? [{ type, value, verifiedAt: null }] : []));
}

const REACHABLE = new Set(['WHATSAPP', 'TWITTER', 'INSTAGRAM', 'FACEBOOK', 'APPLE_MESSAGES']);

/** Everything a person can be found by: what their profile says, their external id, their accounts, and what the platform states. */
function identifiersOf(record: UserRecord): Identifier[] {
  const accounts = record.channels.map((account) => ({
    type: account.channel.toUpperCase(),
    value: account.externalId,
    verifiedAt: null,
  }));
  return [
    { type: 'EXTERNAL_ID', value: record.externalId, verifiedAt: null },
    ...derived(record.profile),
    ...accounts.filter(({ type, value }) => REACHABLE.has(type) && value.trim()),
    ...record.identifiers.map(({ type, value, verifiedAt }) => ({ type, value, verifiedAt: timeOrNull(verifiedAt) })),
  ];
}

function index(batch: Batch, userId: string, identifiers: readonly Identifier[]): Map<string, Indexed> {
  const found = new Map<string, Indexed>();
  for (const identifier of identifiers) {
    const one = { ...identifier, userId, index: blindIndex(batch.tenantKey, identifier.type, identifier.value) };
    const name = `${userId}/${one.type}/${one.index.toString('base64')}`;
    // The same one twice: a verified one wins.
    if (one.verifiedAt !== null || !found.has(name)) found.set(name, one);
  }
  return found;
}

/**
 * Brings what people are found by up to date, and answers whose changed. What a profile said and no longer says goes, so that an old
 * address finds nobody; what was verified, or stated as an identifier, stays.
 */
export async function ingestIdentifiers(
  batch: Batch,
  people: readonly Person[],
  keys: ReadonlyMap<string, Buffer>,
): Promise<Set<string>> {
  const { db, scope, system } = batch.session;
  const now = new Map<string, Indexed>();
  const stale: Indexed[] = [];
  for (const { id, record, before } of people) {
    const holding = index(batch, id, identifiersOf(record));
    for (const [name, one] of holding) now.set(name, one);
    if (before) for (const [name, one] of index(batch, id, derived(before))) if (!holding.has(name)) stale.push(one);
  }
  const changed = new Set<string>();
  if (stale.length) {
    const [rows] = (await db.query(
      `delete from identifiers i using unnest($3::uuid[], $4::text[], $5::bytea[]) as s (user_id, type, blind_index)
       where i.tenant_id = $1 and i.app_id = $2 and i.user_id = s.user_id and i.type = s.type and i.blind_index = s.blind_index and i.verified_at is null
       returning i.user_id`,
      columns(batch, stale, (one) => [one.userId, one.type, one.index]),
    )) as [{ user_id: string }[], number];
    for (const row of rows) changed.add(row.user_id);
  }
  const rows = (await db.query(
    `insert into identifiers (tenant_id, app_id, id, user_id, type, blind_index, value, verified_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[], $8::timestamptz[])
     on conflict (tenant_id, user_id, type, blind_index) do update set verified_at = excluded.verified_at
       where identifiers.verified_at is null and excluded.verified_at is not null
     returning user_id`,
    columns(batch, [...now.values()], (one) => {
      const id = uuidv7(system.now());
      const value = seal(keys.get(one.userId)!, place(scope.tenantId, one.userId, 'identifiers.value', id), one.value);
      return [id, one.userId, one.type, one.index, value, one.verifiedAt];
    }),
  )) as { user_id: string }[];
  for (const row of rows) changed.add(row.user_id);
  return changed;
}
