import { Refusal } from '../errors.ts';
import { inScope, type Session } from '../scope/in-scope.ts';
import type { Io } from './io.ts';
import { commandScope, uuidOf, withSystem } from './with-system.ts';

/** Runs a command's act in one transaction in a tenant that is there; without a tenant, in the provider's own. */
export async function inTenantScope<T>(io: Io, tenant: string | undefined, act: (session: Session) => Promise<T>): Promise<T> {
  const tenantId = tenant === undefined ? undefined : uuidOf('--tenant', tenant);
  return withSystem(io, (system) =>
    inScope(system, commandScope(tenantId), async (session) => {
      const [found] = (await session.db.query('select 1 from tenants where tenant_id = $1', [
        session.scope.tenantId,
      ])) as unknown[];
      if (!found) throw new Refusal('NOT_FOUND', `There is no tenant ${tenantId}; run: habeas tenant list`);
      return act(session);
    }),
  );
}
