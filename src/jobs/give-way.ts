import { setTimeout as sleep } from 'node:timers/promises';
import type { System } from '../system.ts';

/** Nobody rests for longer, whatever held the work up. */
const LONGEST_MS = 1_000;

/**
 * Does a piece of work that nobody waits for, and rests for as long as it took while this process is answering callers: they would wait for a core, and
 * an erasure, whose keys are gone, has the time. A process that answers nobody (`habeas worker`, a command) never rests.
 */
export async function givingWay<T>({ callers }: System, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const done = await work();
  if (callers.inside) await sleep(Math.min(LONGEST_MS, performance.now() - began), undefined, { signal });
  return done;
}
