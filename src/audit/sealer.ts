import { Readable } from 'node:stream';
import { describe } from '../errors.ts';
import { eachTenant } from '../scope/each-tenant.ts';
import { inScope, type Session } from '../scope/in-scope.ts';
import { systemScope, type Scope } from '../scope/scope.ts';
import type { System } from '../system.ts';
import type { Checkpoint, Signer } from './checkpoint.ts';
import { isFull, publishCheckpoints, sealTenant } from './seal.ts';

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

const store = async (system: System, checkpoint: Checkpoint): Promise<void> => {
  await system.files.write(checkpointKey(checkpoint), Readable.from([Buffer.from(`${JSON.stringify(checkpoint)}\n`)]));
};

const isStored = (system: System, checkpoint: Checkpoint): Promise<boolean> =>
  system.files.size(checkpointKey(checkpoint)).then(
    () => true,
    () => false,
  );

/**
 * Seals what waits in one tenant's log; each checkpoint is in the file store before the next is made, whatever becomes of the webhook. What is recorded
 * meanwhile waits for the next round: a log that is written to without a pause would keep this going, a few entries at a time, and all other tenants
 * waiting. Answers how many checkpoints there were.
 */
export async function sealWaiting(system: System, signer: Signer, tenantId: string): Promise<number> {
  const scope = systemScope(tenantId, 'seal');
  if (!(await anyIn(system, scope, 'audit_pending'))) return 0;
  for (let made = 0; ; made += 1) {
    const act = ({ db }: Session) => sealTenant(db, tenantId, signer, { now: new Date(system.now()) });
    const checkpoint = await inScope(system, scope, act, SEAL_SECONDS);
    if (!checkpoint) return made;
    await store(system, checkpoint);
    if (!isFull(checkpoint)) return made + 1;
  }
}

/** Hands over what has not left yet: to the file store, where a crash or a full disk came between, and to the webhook. */
async function handOver(system: System, tenantId: string): Promise<void> {
  const scope = systemScope(tenantId, 'seal');
  if (!(await anyIn(system, scope, 'audit_unpublished'))) return;
  const publish = async (checkpoint: Checkpoint): Promise<void> => {
    if (!(await isStored(system, checkpoint))) await store(system, checkpoint);
    await post(system.config.checkpointWebhook, checkpoint);
  };
  while ((await inScope(system, scope, ({ db }) => publishCheckpoints(db, tenantId, publish), SEAL_SECONDS)) > 0);
}

const anyIn = async (system: System, scope: Scope, table: 'audit_pending' | 'audit_unpublished'): Promise<boolean> =>
  inScope(
    system,
    scope,
    async ({ db }) =>
      ((await db.query(`select 1 from ${table} where tenant_id = $1 limit 1`, [scope.tenantId])) as unknown[]).length > 0,
  );

/** Seals what waits in one tenant's log, and hands its checkpoints over. */
export async function sealNow(system: System, signer: Signer, tenantId: string): Promise<number> {
  const made = await sealWaiting(system, signer, tenantId);
  await handOver(system, tenantId);
  return made;
}

/** Seals every tenant's log and hands its checkpoints over, over and over, until stopped. Safe in several processes at once. */
export function startSealer(system: System, signer: Signer): () => Promise<void> {
  // Apart, so that a webhook that answers slowly, or not at all, keeps nothing from being sealed.
  const stops = [
    everyTenant(system, 'an audit log could not be sealed', (id) => sealWaiting(system, signer, id)),
    everyTenant(system, 'a checkpoint could not leave the database', (id) => handOver(system, id)),
  ];
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

/** Does something for every tenant in turn, and again after a pause. */
function everyTenant(system: System, failure: string, act: (tenantId: string) => Promise<unknown>): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const tick = (): void => {
    running = eachTenant(system, signal, failure, act)
      .catch((error: unknown) => {
        if (!signal.aborted) system.log.error({ error: describe(error) }, failure);
      })
      .finally(() => {
        if (!signal.aborted) timer = setTimeout(tick, SEAL_EVERY_MS);
        timer?.unref();
      });
  };
  tick();
  return async () => {
    stopping.abort();
    clearTimeout(timer);
    await running;
  };
}
