import { randomBytes } from 'node:crypto';
import { arrayOf } from '../database/arrays.ts';
import type { Db } from '../database/db.ts';
import { Refusal } from '../errors.ts';
import type { KeyManagement } from './key-file.ts';
import { KeyCache } from './key-cache.ts';
import { seal, unseal } from './sealed-value.ts';

/** How long an unwrapped key may stay in memory; erasure empties the cache of every process at once (key-cache.ts). */
export const KEY_LIFE_MS = 5_000;
export const KEYS_CHANNEL = 'habeas_keys';

/**
 * The keys of one deployment. Keys are read in the caller's transaction, so row-level security decides which exist for it; the cache that stands
 * before that is kept by tenant. A key opens nothing that its holder cannot read as a row.
 */
export interface Keyring {
  management: KeyManagement;
  cache: KeyCache;
}

export function openKeyring(management: KeyManagement): Keyring {
  return { management, cache: new KeyCache(KEY_LIFE_MS) };
}

interface WrappedKey {
  master_id: string;
  wrapped: Buffer;
}

const tenantPlace = (tenantId: string) => ({ tenantId, subjectId: tenantId, column: 'tenant_keys.wrapped', row: tenantId });
const subjectPlace = (tenantId: string, subjectId: string) => ({
  tenantId,
  subjectId,
  column: 'subject_keys.wrapped',
  row: subjectId,
});

/** Held (shared) by whoever wraps a tenant key until that is committed, and by whoever drops master keys: see rotation.ts. */
export const WRAPPING_LOCK = `hashtext('habeas wrapping')`;

export async function createTenantKey(ring: Keyring, db: Db, tenantId: string): Promise<void> {
  await db.query(`select pg_advisory_xact_lock_shared(${WRAPPING_LOCK})`);
  const { masterId, wrapped } = await ring.management.wrap(randomBytes(32), tenantPlace(tenantId));
  await db.query('insert into keys.tenant_keys (tenant_id, master_id, wrapped) values ($1, $2, $3)', [
    tenantId,
    masterId,
    wrapped,
  ]);
}

/** Wraps the tenant's key under the current master key. The key itself stays the same, so nothing below it changes. False where there is none. */
export async function rewrapTenantKey(ring: Keyring, db: Db, tenantId: string): Promise<boolean> {
  await db.query(`select pg_advisory_xact_lock_shared(${WRAPPING_LOCK})`);
  const [row] = (await db.query('select master_id, wrapped from keys.tenant_keys where tenant_id = $1 for update', [
    tenantId,
  ])) as WrappedKey[];
  if (!row) return false;
  const plain = await ring.management.unwrap(row.master_id, row.wrapped, tenantPlace(tenantId));
  const { masterId, wrapped } = await ring.management.wrap(plain, tenantPlace(tenantId));
  plain.fill(0);
  await db.query('update keys.tenant_keys set master_id = $2, wrapped = $3 where tenant_id = $1', [tenantId, masterId, wrapped]);
  return true;
}

/** The master key that the tenant's key is wrapped under; undefined where the tenant has none. */
export async function masterOf(db: Db, tenantId: string): Promise<string | undefined> {
  const [row] = (await db.query('select master_id from keys.tenant_keys where tenant_id = $1', [tenantId])) as Pick<
    WrappedKey,
    'master_id'
  >[];
  return row?.master_id;
}

/** The tenant's key, or undefined once it was destroyed. */
export async function tenantKey(ring: Keyring, db: Db, tenantId: string): Promise<Buffer | undefined> {
  const cached = ring.cache.get(tenantId, tenantId);
  if (cached) return cached;
  const epoch = ring.cache.epoch;
  const rows = (await db.query('select master_id, wrapped from keys.tenant_keys where tenant_id = $1', [
    tenantId,
  ])) as WrappedKey[];
  const row = rows[0];
  if (!row) return undefined;
  const key = await ring.management.unwrap(row.master_id, row.wrapped, tenantPlace(tenantId));
  ring.cache.put(tenantId, tenantId, key, epoch);
  return key;
}

/** The tenant's key where the tenant must exist: one that was erased is to everybody one that never was. */
export async function requireTenantKey(ring: Keyring, db: Db, tenantId: string): Promise<Buffer> {
  const key = await tenantKey(ring, db, tenantId);
  if (!key) throw new Refusal('NOT_FOUND', 'No such tenant in the scope of this token.');
  return key;
}

/** The data keys of subjects (people, conversations, files), by id. An id that is absent from the answer has no key: it was erased. */
export async function subjectKeys(ring: Keyring, db: Db, tenantId: string, ids: readonly string[]): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const wanted: string[] = [];
  for (const id of new Set(ids)) {
    const cached = ring.cache.get(tenantId, id);
    if (cached) found.set(id, cached);
    else wanted.push(id);
  }
  if (!wanted.length) return found;
  const epoch = ring.cache.epoch;
  const parent = await tenantKey(ring, db, tenantId);
  if (!parent) return found;
  const rows = (await db.query(
    'select subject_id, wrapped from keys.subject_keys where tenant_id = $1 and subject_id = any ($2)',
    [tenantId, arrayOf('uuid', wanted)],
  )) as { subject_id: string; wrapped: Buffer }[];
  for (const row of rows) {
    const key = unseal(parent, subjectPlace(tenantId, row.subject_id), row.wrapped);
    found.set(row.subject_id, key);
    ring.cache.put(tenantId, row.subject_id, key, epoch);
  }
  return found;
}

/** Makes data keys for new subjects and answers them; an id that has a key already is an error (a key is never replaced). */
export async function createSubjectKeys(
  ring: Keyring,
  db: Db,
  tenantId: string,
  subjects: readonly { id: string; appId: string | null }[],
): Promise<Map<string, Buffer>> {
  const made = new Map<string, Buffer>();
  if (!subjects.length) return made;
  const parent = await requireTenantKey(ring, db, tenantId);
  const wrapped = subjects.map(({ id }) => {
    const key = randomBytes(32);
    made.set(id, key);
    return seal(parent, subjectPlace(tenantId, id), key);
  });
  await db.query(
    `insert into keys.subject_keys (tenant_id, subject_id, app_id, wrapped)
     select $1, * from unnest($2::uuid[], $3::uuid[], $4::bytea[])`,
    [tenantId, subjects.map((s) => s.id), subjects.map((s) => s.appId), wrapped],
  );
  return made;
}

/** Destroys the keys of subjects: what they sealed can no longer be read by anybody once this transaction commits. */
export async function destroySubjectKeys(ring: Keyring, db: Db, tenantId: string, ids: readonly string[]): Promise<void> {
  await db.query('delete from keys.subject_keys where tenant_id = $1 and subject_id = any ($2)', [tenantId, ids]);
  await forgetKeys(ring, db, tenantId);
}

/** Destroys every key of an app in one statement. */
export async function destroyAppKeys(ring: Keyring, db: Db, tenantId: string, appId: string): Promise<void> {
  await db.query('delete from keys.subject_keys where tenant_id = $1 and app_id = $2', [tenantId, appId]);
  await forgetKeys(ring, db, tenantId);
}

/** Destroys the key of a tenant and with it everything sealed below it. */
export async function destroyTenantKeys(ring: Keyring, db: Db, tenantId: string): Promise<void> {
  await db.query('delete from keys.tenant_keys where tenant_id = $1', [tenantId]);
  await db.query('delete from keys.subject_keys where tenant_id = $1', [tenantId]);
  await forgetKeys(ring, db, tenantId);
}

/** Empties the tenant's cached keys here now, and in every process at the commit. */
async function forgetKeys(ring: Keyring, db: Db, tenantId: string): Promise<void> {
  ring.cache.forget(tenantId);
  await db.query('select pg_notify($1, $2)', [KEYS_CHANNEL, tenantId]);
}
