import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import fc from 'fast-check';
import { textCells, type CellPage } from '../../src/artefacts/cells.ts';

const made: string[] = [];

afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A folder of its own, gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'habeas-artefacts-'));
  made.push(folder);
  return folder;
}

/** Runs a property and prints its seed, with which `FC_SEED` repeats the run. */
export async function check<T>(
  property: fc.IRawProperty<T>,
  runs: number,
  settings: { endOnFailure?: boolean } = {},
): Promise<void> {
  const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31);
  process.stdout.write(`fast-check seed ${seed}\n`);
  await fc.assert(property, { seed, numRuns: runs, ...settings });
}

/** Everything a stream gives. */
export async function all(source: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export type TextRow = readonly (string | null)[];

/** Rows of texts as a page. */
export function pageOf(rows: readonly TextRow[]): CellPage {
  const columns = (rows[0] ?? []).map((_, index) => textCells(rows.map((row) => row[index]!)));
  return { rows: rows.length, columns };
}
