import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { Importer, IntakeRecord, SourceEvent } from '../../src/intake/records.ts';

const made: string[] = [];
afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true }))));

/** Writes an export into a folder of its own, removed after the file's tests: texts and bytes as they are, anything else as JSON. */
export async function writeExport(files: Record<string, unknown>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'habeas-export-'));
  made.push(folder);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(
      join(folder, path),
      typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content),
    );
  }
  return folder;
}

export async function eventsOf(importer: Importer, path: string): Promise<SourceEvent[]> {
  const events: SourceEvent[] = [];
  for await (const event of importer(path)) events.push(event);
  return events;
}

export function recordsOf<T extends IntakeRecord['type']>(events: SourceEvent[], type: T): Extract<IntakeRecord, { type: T }>[] {
  return events.flatMap((event) =>
    event.kind === 'record' && event.record.type === type ? [event.record as Extract<IntakeRecord, { type: T }>] : [],
  );
}

export const eventsOfKind = <K extends SourceEvent['kind']>(
  events: SourceEvent[],
  kind: K,
): Extract<SourceEvent, { kind: K }>[] =>
  events.filter((event): event is Extract<SourceEvent, { kind: K }> => event.kind === kind);

/** How many of each thing were left out on purpose. */
export const droppedIn = (events: SourceEvent[]): Record<string, number> =>
  Object.fromEntries(eventsOfKind(events, 'dropped').map((event) => [event.what, event.count]));
