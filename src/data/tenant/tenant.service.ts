import { randomUUID } from 'node:crypto';
import { recordAct } from '../../audit/act.ts';
import { Refusal } from '../../errors.ts';
import { createTenantKey, tenantKey } from '../../keys/keyring.ts';
import { inScope, inTenant, type Session } from '../../scope/in-scope.ts';
import { PROVIDER_TENANT, type Scope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';

export interface TenantRow {
  id: string;
  name: string;
  createdAt: Date;
  erasedAt: Date | null;
}

/** Creates a tenant with its key. Provider only: it happens in the new tenant's own scope, and both audit logs say so. */
export async function createTenant(system: System, scope: Scope, name: string): Promise<TenantRow> {
  if (scope.level !== 'provider') throw new Refusal('FORBIDDEN', 'Only a provider creates tenants.');
  const trimmed = name.trim();
  if (!trimmed || trimmed.length > 200) throw new Refusal('INVALID_INPUT', 'name: between 1 and 200 characters.');
  const id = randomUUID();
  return inScope(system, scope, async (provider) => {
    await recordAct(provider, 'tenant.created', { tenant: id });
    return inTenant(provider, id, async (session) => {
      await insertTenant(session, id, trimmed);
      const [made] = (await session.db.query(
        'insert into tenant_directory (tenant_id, name) values ($1, $2) returning created_at as "createdAt"',
        [id, trimmed],
      )) as { createdAt: Date }[];
      await recordAct(session, 'tenant.created', { tenant: id });
      return { id, name: trimmed, createdAt: made!.createdAt, erasedAt: null };
    });
  });
}

async function insertTenant({ db, system }: Session, id: string, name: string): Promise<void> {
  await db.query('insert into tenants (tenant_id, name) values ($1, $2)', [id, name]);
  await createTenantKey(system.keys, db, id);
}

/** The directory of tenants: names and dates, no personal data. */
export async function listTenants({ db, scope }: Session): Promise<TenantRow[]> {
  if (scope.level !== 'provider') throw new Refusal('FORBIDDEN', 'Only a provider lists tenants.');
  return (await db.query(
    'select tenant_id as id, name, created_at as "createdAt", erased_at as "erasedAt" from tenant_directory order by created_at, tenant_id',
  )) as TenantRow[];
}

/** Makes the tenant that the provider's own keys and audit entries belong to, on the first start. */
export async function ensureProvider(system: System): Promise<void> {
  await inScope(
    system,
    { level: 'provider', tenantId: PROVIDER_TENANT, permissions: new Set(), keyId: 'system', requestId: 'start' },
    async (session) => {
      const { db } = session;
      await db.query('insert into tenants (tenant_id, name) values ($1, $2) on conflict do nothing', [
        PROVIDER_TENANT,
        'provider',
      ]);
      await db.query('select 1 from tenants where tenant_id = $1 for update', [PROVIDER_TENANT]);
      if (!(await tenantKey(system.keys, db, PROVIDER_TENANT))) await createTenantKey(system.keys, db, PROVIDER_TENANT);
    },
  );
}
