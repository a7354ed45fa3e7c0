import type { Db } from '../database/db.ts';
import { addMasterKey, dropMasterKeys } from './key-file.ts';
import { masterOf, rewrapTenantKey, WRAPPING_LOCK, type Keyring } from './keyring.ts';

/** Runs an act in a transaction in the scope of one tenant. */
export type InTenant = <T>(tenantId: string, act: (db: Db) => Promise<T>) => Promise<T>;

/** Makes a new master key and wraps every tenant's key under it. A run that was killed half-way is mended by the next. */
export async function rotateMasterKey(
  ring: Keyring,
  folder: string,
  tenants: readonly string[],
  inTenant: InTenant,
): Promise<{ masterKey: string; rewrapped: number }> {
  const masterKey = await addMasterKey(folder);
  let rewrapped = 0;
  for (const tenantId of tenants) {
    if (await inTenant(tenantId, (db) => rewrapTenantKey(ring, db, tenantId))) rewrapped += 1;
  }
  return { masterKey, rewrapped };
}

/**
 * Removes the master keys that no tenant's key is wrapped under. While this looks, nobody wraps: a tenant made meanwhile waits, and then
 * reads the file anew. `tenants` is asked for within the lock, so that it names those made just before.
 */
export async function dropUnusedMasterKeys(
  folder: string,
  home: string,
  tenants: (db: Db) => Promise<readonly string[]>,
  inTenant: InTenant,
): Promise<string[]> {
  return inTenant(home, async (locked) => {
    await locked.query(`select pg_advisory_xact_lock(${WRAPPING_LOCK})`);
    const used = new Set<string>();
    for (const tenantId of await tenants(locked)) {
      const master = await inTenant(tenantId, (db) => masterOf(db, tenantId));
      if (master) used.add(master);
    }
    return dropMasterKeys(folder, used);
  });
}
