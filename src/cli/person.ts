import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../errors.ts';
import { RequestStatus, type RightsRequest } from '../rights/request.entity.ts';
import { findRequest } from '../rights/request.service.ts';
import { inScope } from '../scope/in-scope.ts';
import { PROVIDER_TENANT, type Scope } from '../scope/scope.ts';
import type { System } from '../system.ts';
import type { Io } from './io.ts';
import { commandScope, uuidOf } from './with-system.ts';

/** The tenants that were not erased. */
export async function livingTenants(system: System): Promise<string[]> {
  return inScope(system, commandScope(), async ({ db }) => {
    const rows = (await db.query(
      'select tenant_id as id from tenant_directory where erased_at is null and tenant_id <> $1 order by tenant_id',
      [PROVIDER_TENANT],
    )) as { id: string }[];
    return rows.map((row) => row.id);
  });
}

/** The scope of the tenant that a person is in: the one named, or else the one that has them, looked for one tenant at a time. */
export async function scopeOfPerson(system: System, user: string, tenant: string | undefined): Promise<Scope> {
  const userId = uuidOf('user', user);
  for (const tenantId of tenant ? [uuidOf('--tenant', tenant)] : await livingTenants(system)) {
    const scope = commandScope(tenantId);
    const found = await inScope(
      system,
      scope,
      async ({ db }) => (await db.query('select 1 from users where tenant_id = $1 and id = $2', [tenantId, userId])) as unknown[],
    );
    if (found.length) return scope;
  }
  throw new Refusal('NOT_FOUND', `There is no user ${userId}${tenant ? ` in tenant ${tenant}` : ''}.`);
}

const OPEN: readonly RequestStatus[] = [
  RequestStatus.RECEIVED,
  RequestStatus.AWAITING_IDENTITY,
  RequestStatus.READY,
  RequestStatus.SCHEDULED,
  RequestStatus.RUNNING,
];

/** Waits for the job of a request, here or in a server that runs, and tells how far it is. */
export async function untilDone(system: System, scope: Scope, requestId: string, io: Io): Promise<RightsRequest> {
  let told = '';
  for (;;) {
    const request = await inScope(system, scope, (session) => findRequest(session, requestId));
    if (!OPEN.includes(request.status)) {
      if (request.status === RequestStatus.FAILED)
        throw new Refusal('UNAVAILABLE', `Request ${requestId} failed: ${request.error ?? 'see the log'}`);
      return request;
    }
    const progress = request.total ? `${request.done} of ${request.total} rows\n` : '';
    if (progress !== told) io.err((told = progress));
    if (io.stop.aborted)
      throw new Refusal('UNAVAILABLE', `Stopped waiting; request ${requestId} goes on where a server or worker runs.`);
    await sleep(250);
  }
}
