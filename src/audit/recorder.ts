import { failedByPooler } from '../database/prepared.ts';
import { gather } from '../scope/gather.ts';
import { inOnePacket } from '../scope/in-scope.ts';
import { systemScope } from '../scope/scope.ts';
import type { System } from '../system.ts';
import { recordAll, type AuditEntry } from './record.ts';

interface Waiting {
  entries: AuditEntry[];
  done: () => void;
  failed: (error: unknown) => void;
}

/** What waits to be written, by tenant; a tenant is in it while its writer runs. */
const queues = new WeakMap<System['source'], Map<string, Waiting[]>>();

/**
 * Writes the entries of reads, and answers when they are on the disk. What readers of a tenant hand in while a write is under way is written together
 * in the next: one commit for all of them, where one each took two thirds of the database's time.
 */
export function recordReads(system: System, tenantId: string, entries: AuditEntry[]): Promise<void> {
  const tenants = queues.get(system.source) ?? new Map<string, Waiting[]>();
  queues.set(system.source, tenants);
  return new Promise((done, failed) => {
    const queue = tenants.get(tenantId);
    const waiting = { entries, done, failed };
    if (queue) return void queue.push(waiting);
    tenants.set(tenantId, [waiting]);
    void writeAll(system, tenants, tenantId);
  });
}

async function writeAll(system: System, tenants: Map<string, Waiting[]>, tenantId: string): Promise<void> {
  while (tenants.get(tenantId)!.length) {
    await gather();
    const batch = tenants.get(tenantId)!;
    tenants.set(tenantId, []);
    const failure = await write(system, tenantId, batch);
    if (!failure) for (const { done } of batch) done();
    else if (batch.length === 1 && !failedByPooler(failure)) batch[0]!.failed(failure);
    // One entry that cannot be written must not withhold the answers of the others.
    else
      for (const one of batch) {
        const alone = await write(system, tenantId, [one]);
        if (alone) one.failed(alone);
        else one.done();
      }
  }
  tenants.delete(tenantId);
}

async function write(system: System, tenantId: string, batch: readonly Waiting[]): Promise<unknown> {
  const entries = batch.flatMap((one) => one.entries);
  return inOnePacket(
    system,
    systemScope(tenantId, 'audit'),
    ({ db }) => recordAll(db, entries),
    system.config.limits.seconds,
  ).then(
    () => undefined,
    (error: unknown) => error ?? new Error('unknown'),
  );
}
