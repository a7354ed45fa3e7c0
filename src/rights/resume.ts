import { eachTenant } from '../scope/each-tenant.ts';
import { inScope } from '../scope/in-scope.ts';
import { storeScope, systemScope } from '../scope/scope.ts';
import type { System } from '../system.ts';

/** A job that is due has been picked up by then, however busy the workers are with retries. */
const QUIET_MS = 2 * 60_000;

/**
 * Queues the job of every open request that has none any more: its workers were killed more often than the queue tries, or it failed
 * for longer (a full disk). No request stays open without somebody at work on it.
 */
export async function resumeLostRequests(system: System, signal: AbortSignal): Promise<number> {
  let resumed = 0;
  await eachTenant(system, signal, 'the lost requests of a tenant could not be taken up', async (id) => {
    resumed += await resumeIn(system, id);
  });
  return resumed;
}

async function resumeIn(system: System, tenantId: string): Promise<number> {
  return inScope(system, systemScope(tenantId, 'resume'), async ({ db, scope }) => {
    const lost = (await db.query(
      `select r.id, r.type, r.app_id as "appId", case when r.options -> 'own' = 'true' then r.subject_id end as "ownerId" from requests r
       where r.tenant_id = $1 and r.status in ('SCHEDULED', 'RUNNING') and r.received_at < $2
         and not exists (select 1 from jobs.job j where j.name in ('export', 'erasure') and j.data ->> 'requestId' = r.id::text and j.state in ('created', 'retry', 'active'))
       for update skip locked`,
      [tenantId, new Date(system.now() - QUIET_MS)],
    )) as { id: string; type: string; appId: string | null; ownerId: string | null }[];
    for (const request of lost) {
      const [last] = (await db.query(
        `select data from jobs.job where name in ('export', 'erasure') and data ->> 'requestId' = $1 order by created_on desc limit 1`,
        [request.id],
      )) as {
        data: Record<string, unknown>;
      }[];
      // The scope it was asked in; where even that is gone, the server's own, within the app, or the person whose own request it is.
      const app = request.appId ? { ...scope, level: 'app' as const, appId: request.appId } : scope;
      const own = request.ownerId ? { ...app, level: 'user' as const, userId: request.ownerId } : app;
      await system.queue.enqueue(
        db,
        request.type === 'ERASURE' ? 'erasure' : 'export',
        last?.data ?? { requestId: request.id, scope: storeScope(own) },
      );
    }
    return lost.length;
  });
}
