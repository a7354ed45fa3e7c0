import { setImmediate as nextTurn } from 'node:timers/promises';
import { failedByPooler } from '../database/prepared.ts';
import { inOnePacket } from '../scope/in-scope.ts';
import { systemScope } from '../scope/scope.ts';
import type { System } from '../system.ts';
import { recordAll, type AuditEntry } from './record.ts';

/** How many turns of the event loop are waited for company: under load a millisecond or two of work that has to be done anyway, and no time where there is nothing to do. */
const TURNS = 2;
/** So many commits of a tenant are under way at a time: while the disk takes one, the next is sent. */
const WRITERS = 2;

interface Waiting {
  entries: AuditEntry[];
  done: () => void;
  failed: (error: unknown) => void;
}

interface Queue {
  waiting: Waiting[];
  writers: number;
}

/** What waits to be written, by tenant; a tenant is in it while anything is written for it. */
const queues = new WeakMap<System['source'], Map<string, Queue>>();

/**
 * Writes the entries of reads, and answers when they are on the disk. What readers of a tenant hand in while writes are under way is written together
 * in the next: one commit for all of them, where one each took two thirds of the database's time.
 */
export function recordReads(system: System, tenantId: string, entries: AuditEntry[]): Promise<void> {
  let tenants = queues.get(system.source);
  if (!tenants) queues.set(system.source, (tenants = new Map()));
  const queue = tenants.get(tenantId) ?? { waiting: [], writers: 0 };
  tenants.set(tenantId, queue);
  return new Promise((done, failed) => {
    queue.waiting.push({ entries, done, failed });
    if (queue.writers === WRITERS) return;
    void writeAll(system, tenantId, queue).then(() => {
      if (!queue.writers && tenants.get(tenantId) === queue) tenants.delete(tenantId);
    });
  });
}

async function writeAll(system: System, tenantId: string, queue: Queue): Promise<void> {
  queue.writers += 1;
  try {
    while (queue.waiting.length) {
      for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
      // None where the other writer was faster.
      const batch = queue.waiting.splice(0);
      if (batch.length) await writeBatch(system, tenantId, batch);
    }
  } finally {
    // At once behind the look at what waits: who hands something in between would wait for nobody.
    queue.writers -= 1;
  }
}

async function writeBatch(system: System, tenantId: string, batch: readonly Waiting[]): Promise<void> {
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
