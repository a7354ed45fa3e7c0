import { Refusal } from '../errors.ts';
import type { RequestScope } from './context.ts';
import { inScope, type Session } from './in-scope.ts';
import type { Scope } from './scope.ts';

/**
 * Runs an act of a request in the tenant of its token or, for a provider, in the tenant named, one at a time. Another tenant's id is to
 * everybody else what an id that does not exist is. `act` records itself: in another tenant it is a transaction of its own.
 */
export async function enterTenant<T>(
  request: RequestScope,
  tenantId: string | undefined,
  act: (session: Session) => Promise<T>,
): Promise<T> {
  const { scope, system } = request;
  if (!tenantId || tenantId === scope.tenantId) return request.inScope(act);
  const missing = new Refusal('NOT_FOUND', 'No such tenant in the scope of this token.');
  if (scope.level !== 'provider') throw missing;
  const there: Scope = { ...scope, tenantId };
  const enter = async (session: Session): Promise<T> => {
    const [found] = (await session.db.query('select 1 from tenants where tenant_id = $1', [tenantId])) as unknown[];
    if (!found) throw missing;
    return act(session);
  };
  return inScope(system, there, enter, system.config.limits.seconds);
}
