import { isDeepStrictEqual } from 'node:util';
import { place } from '../data/place.ts';
import { uuidv7 } from '../database/uuid.ts';
import { createSubjectKeys, subjectKeys } from '../keys/keyring.ts';
import { seal, unsealText } from '../keys/sealed-value.ts';
import { columns, count, ERASED_REASON, skip, timeOrNull, type Batch, type Item, type KnownUser } from './batch.ts';
import { ingestChannels } from './ingest-channels.ts';
import { ingestIdentifiers, type Person, type UserRecord } from './ingest-identifiers.ts';
import { isTooLong } from './records.ts';
import { userIndex } from './references.ts';

type SealedPart = 'users.external_id' | 'users.profile' | 'users.metadata';

const METADATA_REASON = 'with what is held, the metadata of the user would be longer than it may be; what is held stays';

/** Takes people over: new ones get a key of their own, known ones are brought up to date, erased ones stay erased. */
export async function ingestUsers(batch: Batch, items: readonly Item<'user'>[]): Promise<void> {
  const given = new Map<string, UserRecord>();
  const repeated = new Set<string>();
  for (const item of items) {
    const { record, told } = item;
    const user = batch.users.get(record.externalId);
    const last = told === 'LAST';
    if (user?.erased && !hasReturned(user, record)) {
      if (!last) skip(batch, item, 'user', ERASED_REASON);
    } else if (user && told === 'FIRST') count(batch, 'user', 'unchanged');
    else {
      if (last) repeated.add(record.externalId);
      batch.userItems.set(record.externalId, item.index);
      given.set(record.externalId, merge(batch, given.get(record.externalId), record));
    }
  }
  const fresh: UserRecord[] = [];
  const known: Person[] = [];
  for (const [externalId, record] of given) {
    const user = batch.users.get(externalId);
    if (user && !user.erased) known.push({ id: user.id, record });
    else fresh.push(record);
  }
  await insertUsers(batch, fresh);
  await updateUsers(batch, known, repeated);
}

/** Somebody who signed up anew after their erasure is a new person to us; the same old export fed in again is not. */
const hasReturned = (user: KnownUser, { signedUpAt }: UserRecord): boolean =>
  !user.leaving && signedUpAt !== undefined && user.erasedAt !== undefined && Date.parse(signedUpAt) > user.erasedAt;

/** What two records of one person say together; where they differ, the later one. */
function merge(batch: Batch, before: UserRecord | undefined, after: UserRecord): UserRecord {
  if (!before) return after;
  return {
    ...before,
    ...after,
    // A kind left out is read as END_USER: it says nothing against one that was given.
    kind: after.kind === 'END_USER' ? before.kind : after.kind,
    profile: { ...before.profile, ...after.profile },
    metadata: mergeMetadata(batch, before.metadata, after),
    identifiers: [...before.identifiers, ...after.identifiers],
    channels: [...before.channels, ...after.channels],
  };
}

/** Metadata grows with every record that names other keys: what would make it longer than it may be is skipped, and what there was stays. */
function mergeMetadata(
  batch: Batch,
  before: UserRecord['metadata'],
  { externalId, metadata }: UserRecord,
): UserRecord['metadata'] {
  const merged = { ...before, ...metadata };
  const both = Object.keys(before).length > 0 && Object.keys(metadata).length > 0;
  if (!both || !isTooLong(merged)) return merged;
  skip(batch, { index: batch.userItems.get(externalId)! }, 'metadata', METADATA_REASON);
  return before;
}

async function insertUsers(batch: Batch, records: readonly UserRecord[]): Promise<void> {
  if (!records.length) return;
  const { db, scope, system } = batch.session;
  const tenantId = scope.tenantId;
  const people = records.map((record): Person => ({ id: uuidv7(system.now()), record }));
  const keys = await createSubjectKeys(
    system.keys,
    db,
    tenantId,
    people.map(({ id }) => ({ id, appId: batch.appId })),
  );
  const sealed = (id: string, column: SealedPart, text: string): Buffer =>
    seal(keys.get(id)!, place(tenantId, id, column, id), text);
  await db.query(
    `insert into users (tenant_id, app_id, id, external_index, external_id, kind, profile, metadata, signed_up_at, last_active_at, deactivated_at)
     select $1, $2, * from unnest($3::uuid[], $4::bytea[], $5::bytea[], $6::text[], $7::bytea[], $8::bytea[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[])`,
    columns(batch, people, ({ id, record }) => [
      id,
      userIndex(batch, record.externalId),
      sealed(id, 'users.external_id', record.externalId),
      record.kind,
      sealed(id, 'users.profile', JSON.stringify(record.profile)),
      sealed(id, 'users.metadata', JSON.stringify(record.metadata)),
      timeOrNull(record.signedUpAt),
      timeOrNull(record.lastActiveAt),
      timeOrNull(record.deactivatedAt),
    ]),
  );
  for (const { id, record } of people) {
    const former = batch.users.get(record.externalId)?.erasedAt;
    batch.users.set(record.externalId, {
      id,
      erased: false,
      kind: record.kind,
      ...(former === undefined ? {} : { erasedAt: former }),
    });
  }
  await ingestIdentifiers(batch, people, keys);
  await ingestChannels(batch, people, keys);
  count(batch, 'user', 'created', people.length);
}

interface StoredUser {
  id: string;
  kind: UserRecord['kind'];
  profile: Buffer;
  metadata: Buffer;
  signed_up_at: Date | null;
  last_active_at: Date | null;
  deactivated_at: Date | null;
}

/** Those in `repeated` were counted when they were first met; only what changes counts again. */
async function updateUsers(batch: Batch, known: readonly Person[], repeated: ReadonlySet<string>): Promise<void> {
  if (!known.length) return;
  const { db, scope, system } = batch.session;
  const ids = known.map(({ id }) => id);
  const keys = await subjectKeys(system.keys, db, scope.tenantId, ids);
  const rows = (await db.query(
    `select id, kind, profile, metadata, signed_up_at, last_active_at, deactivated_at from users where tenant_id = $1 and id = any ($2) for no key update`,
    [scope.tenantId, ids],
  )) as StoredUser[];
  const stored = new Map(rows.map((row) => [row.id, row]));
  const people: Person[] = [];
  const changed = new Set<string>();
  const changes: unknown[][] = [];
  for (const { id, record } of known) {
    const row = stored.get(id);
    const key = keys.get(id);
    if (!row || !key) continue;
    const { person, cells } = compare(batch, row, record, key);
    people.push(person);
    if (cells) changes.push(cells);
    if (cells) changed.add(id);
    batch.users.set(record.externalId, { ...batch.users.get(record.externalId)!, kind: person.record.kind });
  }
  await writeChanges(batch, changes);
  for (const id of await ingestIdentifiers(batch, people, keys)) changed.add(id);
  for (const id of await ingestChannels(batch, people, keys)) changed.add(id);
  count(batch, 'user', 'updated', changed.size);
  const unchanged = people.filter(({ id, record }) => !changed.has(id) && !repeated.has(record.externalId));
  count(batch, 'user', 'unchanged', unchanged.length);
}

/** The person with what holds of them now, and the cells of their row where that differs from what it says. */
function compare(batch: Batch, row: StoredUser, record: UserRecord, key: Buffer): { person: Person; cells?: unknown[] } {
  const at = (column: SealedPart) => place(batch.session.scope.tenantId, row.id, column, row.id);
  const before = JSON.parse(unsealText(key, at('users.profile'), row.profile)) as UserRecord['profile'];
  const kept = JSON.parse(unsealText(key, at('users.metadata'), row.metadata)) as UserRecord['metadata'];
  const kind = record.kind === 'END_USER' ? row.kind : record.kind;
  const profile = { ...before, ...record.profile };
  const metadata = mergeMetadata(batch, kept, record);
  const person = { id: row.id, record: { ...record, kind, profile }, before };
  const differs = (stored: Date | null, given: string | undefined): boolean =>
    given !== undefined && stored?.getTime() !== Date.parse(given);
  // Nobody was last active earlier than they were.
  const moreActive =
    record.lastActiveAt !== undefined && Date.parse(record.lastActiveAt) > (row.last_active_at?.getTime() ?? -Infinity);
  const same =
    kind === row.kind &&
    isDeepStrictEqual(profile, before) &&
    isDeepStrictEqual(metadata, kept) &&
    !differs(row.signed_up_at, record.signedUpAt) &&
    !moreActive &&
    !differs(row.deactivated_at, record.deactivatedAt);
  if (same) return { person };
  const cells = [
    row.id,
    kind,
    seal(key, at('users.profile'), JSON.stringify(profile)),
    seal(key, at('users.metadata'), JSON.stringify(metadata)),
    timeOrNull(record.signedUpAt),
    moreActive ? timeOrNull(record.lastActiveAt) : null,
    timeOrNull(record.deactivatedAt),
  ];
  return { person, cells };
}

async function writeChanges(batch: Batch, changes: readonly unknown[][]): Promise<void> {
  if (!changes.length) return;
  await batch.session.db.query(
    `update users u set kind = v.kind, profile = v.profile, metadata = v.metadata, signed_up_at = coalesce(v.signed_up_at, u.signed_up_at),
       last_active_at = coalesce(v.last_active_at, u.last_active_at), deactivated_at = coalesce(v.deactivated_at, u.deactivated_at)
     from unnest($3::uuid[], $4::text[], $5::bytea[], $6::bytea[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[])
       as v (id, kind, profile, metadata, signed_up_at, last_active_at, deactivated_at)
     where u.tenant_id = $1 and u.app_id = $2 and u.id = v.id`,
    columns(batch, changes, (cells) => cells),
  );
}
