import type { JobHandler } from '../../jobs/worker.ts';
import { eachTenant } from '../../scope/each-tenant.ts';
import { inScope } from '../../scope/in-scope.ts';
import { systemScope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import { deleteArtefacts } from './artefact.service.ts';
import { sweepGhosts } from './ghosts.ts';

const EVERY_MS = 15 * 60_000;
const A_TRANSACTION = 50;

/** Deletes what has expired, in every tenant, and then the files that no row knows. Idempotent; any number of processes may run it at once. */
export const runExpiry: JobHandler = async (system, _data, signal) => {
  await eachTenant(system, signal, 'what expired in a tenant could not be deleted', (id) => expireIn(system, id, signal));
  await system.files.sweepTemporary(new Date(system.now() - 60 * 60_000));
};

async function expireIn(system: System, tenantId: string, signal: AbortSignal): Promise<void> {
  while ((await expireSome(system, tenantId)) === A_TRANSACTION) signal.throwIfAborted();
  await sweepGhosts(system, tenantId, signal);
}

async function expireSome(system: System, tenantId: string): Promise<number> {
  return inScope(system, systemScope(tenantId, 'expiry'), async (session) => {
    const rows = (await session.db.query(
      'select id from artefacts where tenant_id = $1 and deleted_at is null and expires_at <= $2 order by expires_at limit $3 for update skip locked',
      [tenantId, new Date(system.now()), A_TRANSACTION],
    )) as { id: string }[];
    await deleteArtefacts(
      session,
      rows.map((row) => row.id),
      'expired',
    );
    return rows.length;
  });
}

/** Enqueues the expiry job now and every quarter of an hour. Answers how to stop: one being enqueued is waited for. */
export function startExpiry(system: System): () => Promise<void> {
  const enqueue = async (): Promise<void> => {
    try {
      await system.queue.enqueue(system.source.manager, 'expiry', {});
    } catch (error) {
      system.log.error({ error: error instanceof Error ? error.name : 'unknown' }, 'the expiry job could not be enqueued');
    }
  };
  let enqueued = enqueue();
  const timer = setInterval(() => (enqueued = enqueue()), EVERY_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await enqueued;
  };
}
