import { Readable } from 'node:stream';
import { inScope } from '../scope/in-scope.ts';
import { PROVIDER_TENANT, systemScope } from '../scope/scope.ts';
import type { System } from '../system.ts';
import type { Checkpoint, Signer } from './checkpoint.ts';
import { publishCheckpoints, sealTenant } from './seal.ts';

/** How often waiting entries are sealed: until then they are in the log, but not yet under a signature. */
const SEAL_EVERY_MS = 5_000;

/** A process that was stopped while it sealed must not keep the others from it for longer. */
const SEAL_SECONDS = 60;

/** Where a checkpoint lies once it has left the database; names sort by size. */
const checkpointKey = (checkpoint: Checkpoint): string =>
  `${checkpoint.tenant}/checkpoints/${String(checkpoint.size).padStart(16, '0')}`;

/** Hands a checkpoint to the operator's webhook. Whatever it answers but 2xx, the checkpoint is handed over again in the next round. */
async function post(url: string | undefined, checkpoint: Checkpoint): Promise<void> {
  if (!url) return;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(checkpoint),
    redirect: 'error',
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`The webhook of the checkpoints answered ${response.status}.`);
}

/** Seals what waits in one tenant's log and publishes its checkpoints to the file store. Answers how many checkpoints were made. */
export async function sealNow(system: System, signer: Signer, tenantId: string): Promise<number> {
  const scope = systemScope(tenantId, 'seal');
  const waiting = await inScope(
    system,
    scope,
    async ({ db }) =>
      (await db.query(
        'select 1 from audit_pending where tenant_id = $1 union all select 1 from audit_unpublished where tenant_id = $1 limit 1',
        [tenantId],
      )) as unknown[],
  );
  if (!waiting.length) return 0;
  let made = 0;
  while (
    await inScope(system, scope, ({ db }) => sealTenant(db, tenantId, signer, { now: new Date(system.now()) }), SEAL_SECONDS)
  )
    made += 1;
  const publish = async (checkpoint: Checkpoint): Promise<void> => {
    await system.files.write(checkpointKey(checkpoint), Readable.from([Buffer.from(`${JSON.stringify(checkpoint)}\n`)]));
    await post(system.config.checkpointWebhook, checkpoint);
  };
  while ((await inScope(system, scope, ({ db }) => publishCheckpoints(db, tenantId, publish), SEAL_SECONDS)) > 0);
  return made;
}

/** Seals every tenant's log, over and over, until stopped. Safe in several processes at once. */
export function startSealer(system: System, signer: Signer): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const round = async (): Promise<void> => {
    const tenants = (await system.source.query('select tenant_id as id from tenant_directory')) as { id: string }[];
    for (const { id } of [{ id: PROVIDER_TENANT }, ...tenants]) {
      if (stopped) return;
      // One tenant's trouble (a tampered tree) must not keep the others unsealed.
      await sealNow(system, signer, id).catch((error: Error) =>
        system.log.error({ tenant: id, name: error.name, message: error.message }, 'an audit log could not be sealed'),
      );
    }
  };
  let running: Promise<void> = Promise.resolve();
  const tick = (): void => {
    running = round()
      .catch((error: Error) => system.log.error({ name: error.name }, 'sealing failed'))
      .finally(() => {
        if (!stopped) timer = setTimeout(tick, SEAL_EVERY_MS);
        timer?.unref();
      });
  };
  tick();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}
