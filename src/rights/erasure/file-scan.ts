import { Refusal } from '../../errors.ts';
import { givingWay } from '../../jobs/give-way.ts';
import type { System } from '../../system.ts';
import { rawNeedles, type Needle } from '../needles.ts';
import type { ResidualFinding } from './residual.entity.ts';

/** Looks through the names and the bytes of all files of a tenant. They are sealed: a value found in clear was written by a bug. */
export async function scanFiles(
  system: System,
  tenantId: string,
  needles: readonly Needle[],
  signal: AbortSignal,
): Promise<ResidualFinding[]> {
  const raw = rawNeedles(needles);
  // The ledger and the audit log's checkpoints are evidence: the ids that Habeas gave may stay there.
  const rawOfEvidence = rawNeedles(needles.filter(({ kind }) => kind !== 'ID'));
  if (!raw.length) return [];
  let count = 0;
  for await (const name of system.files.list(tenantId)) {
    signal.throwIfAborted();
    const evidence = /\/(?:erasures|checkpoints)\//.test(name);
    const wanted = evidence ? rawOfEvidence : raw;
    const named = wanted.some((needle) => name.includes(needle.toString('utf8')));
    if (named || (await givingWay(system, signal, () => holds(system, name, wanted)))) count += 1;
  }
  return count ? [{ place: 'files', kind: 'BYTES', count }] : [];
}

async function holds(system: System, name: string, wanted: readonly Buffer[]): Promise<boolean> {
  const overlap = Math.max(0, ...wanted.map((needle) => needle.length)) - 1;
  let before: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of await system.files.read(name)) {
      const window = before.length ? Buffer.concat([before, chunk as Buffer]) : (chunk as Buffer);
      if (wanted.some((needle) => window.includes(needle))) return true;
      before = window.subarray(Math.max(0, window.length - overlap));
    }
    return false;
  } catch (error) {
    // Deleted since it was listed.
    if (error instanceof Refusal && error.code === 'NOT_FOUND') return false;
    throw error;
  }
}
