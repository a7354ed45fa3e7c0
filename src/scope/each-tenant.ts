import { describe } from '../errors.ts';
import type { System } from '../system.ts';
import { PROVIDER_TENANT } from './scope.ts';

/**
 * Does something in every tenant in turn, the provider's own first. One tenant's trouble (a tampered tree, a file that cannot be removed) goes to the log as
 * `failure` and keeps nothing from the others. Throws only where `signal` says to stop.
 */
export async function eachTenant(
  system: System,
  signal: AbortSignal,
  failure: string,
  act: (tenantId: string) => Promise<unknown>,
): Promise<void> {
  const tenants = (await system.source.query('select tenant_id as id from tenant_directory order by tenant_id')) as {
    id: string;
  }[];
  for (const { id } of [{ id: PROVIDER_TENANT }, ...tenants]) {
    signal.throwIfAborted();
    await act(id).catch((error: unknown) => {
      if (signal.aborted) throw error;
      system.log.error({ tenant: id, error: describe(error) }, failure);
    });
  }
}
