import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import { Refusal } from '../../../src/errors.ts';
import { recordSchema, type Importer, type IntakeRecord, type SourceEvent } from '../../../src/intake/records.ts';

export const LONG = process.env['HABEAS_LONG'] === '1';
/** Microseconds of the processor: a run that takes more hangs, for whoever waits for it; real ones take milliseconds. Not of the clock: disks stall. */
const PATIENCE = 10_000_000;

export async function inFolder<T>(files: ReadonlyMap<string, Buffer>, act: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'habeas-fuzz-'));
  try {
    for (const [path, content] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    return await act(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Reads an export to its end as an import would, contents too. Throws where the importer did anything but what it may: yield events that are
 * sound, or refuse. Answers the refusal, or how many events of each kind there were.
 */
export async function readAsImport(importer: Importer, path: string, named: boolean): Promise<Refusal | Record<string, number>> {
  const begun = process.cpuUsage();
  const ended = await readEvents(importer, path, named).catch((error: unknown) => {
    if (error instanceof Refusal) return error;
    throw error;
  });
  const { user, system } = process.cpuUsage(begun);
  if (user + system > PATIENCE) throw new Error('It took far too long.');
  if (Object.hasOwn(Object.prototype, 'polluted')) throw new Error('The prototype of all objects was changed.');
  if (ended instanceof Refusal && ended.message.length > 100_000) throw new Error('The refusal repeats the file.');
  return ended;
}

async function readEvents(importer: Importer, path: string, named: boolean): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const people = new Set<string>();
  for await (const event of importer(path)) {
    counts[event.kind] = (counts[event.kind] ?? 0) + 1;
    checkEvent(event);
    if (event.kind !== 'record') continue;
    if (named) checkNames(event.record, people);
    for (const open of event.content?.values() ?? []) await drained(open);
  }
  return counts;
}

function checkEvent(event: SourceEvent): void {
  if (event.kind === 'record') {
    const parsed = recordSchema.safeParse(event.record);
    if (!parsed.success) throw new Error(`A record breaks its schema: ${parsed.error.issues[0]?.path.join('.')}`);
    if (!isDeepStrictEqual(parsed.data, event.record)) throw new Error('A record is not what its schema makes of it.');
  }
  if ('at' in event && (typeof event.at.file !== 'string' || !isCount(event.at.line) || !isCount(event.at.item)))
    throw new Error('A place without a file.');
  if (event.kind === 'skipped' && (typeof event.what !== 'string' || typeof event.reason !== 'string' || event.reason === ''))
    throw new Error('A skip without a reason.');
  if (event.kind === 'dropped' && !(event.count > 0)) throw new Error('Something dropped without a count.');
  if (event.kind === 'progress' && !(event.done <= event.total)) throw new Error('More was read than there is.');
}

const isCount = (value: number | undefined): boolean => value === undefined || (Number.isInteger(value) && value > 0);

/** Whoever is named was yielded before (importers of other platforms see to that; native files say themselves who there is). */
function checkNames(record: IntakeRecord, people: Set<string>): void {
  if (record.type === 'user') people.add(record.externalId);
  for (const name of namesIn(record))
    if (!people.has(name)) throw new Error(`A ${record.type} names somebody who was not yielded.`);
}

function namesIn(record: IntakeRecord): string[] {
  if (record.type === 'conversation') return record.participants.map(({ user }) => user);
  if (record.type === 'participant') return [record.user];
  if (record.type === 'call') return [record.initiator, ...record.participants.map(({ user }) => user)];
  if (record.type !== 'message') return [];
  const uploaders = record.attachments.flatMap(({ uploader }) => uploader ?? []);
  return [
    ...(record.author === undefined ? [] : [record.author]),
    ...record.mentions,
    ...record.reactions.map(({ user }) => user),
    ...uploaders,
  ];
}

async function drained(open: () => Promise<Readable>): Promise<void> {
  await pipeline(await open(), new Writable({ write: (_chunk, _encoding, done) => done() }));
}
