import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as immediate } from 'node:timers/promises';
import { recordAct } from '../audit/act.ts';
import { meter } from '../artefacts/meter.ts';
import { sqlState } from '../database/db.ts';
import { uuidv7 } from '../database/uuid.ts';
import { Refusal } from '../errors.ts';
import { inScope, type Session } from '../scope/in-scope.ts';
import type { Scope } from '../scope/scope.ts';
import type { System } from '../system.ts';
import { newReport, noteSkip, noteWarning, showPosition, type ImportReport } from './import-report.ts';
import { tabulate } from './ingest-outcome.ts';
import { ingest, ingestWhole, type Ingested } from './ingest.service.ts';
import type { AnyItem } from './batch.ts';
import type { Importer, IntakeRecord, Position, SourceEvent } from './records.ts';

export interface ImportOptions {
  /** Checks everything and writes nothing. */
  dryRun?: boolean;
  /** Told after each batch and whenever the source tells; `done` and `total` are bytes of the source. */
  onProgress?: (progress: { done: number; total: number; records: number }) => void;
  /** Records in a transaction. */
  batchSize?: number;
  /** Stops between two batches. What was taken over stays; the same import again takes over the rest. */
  signal?: AbortSignal;
}

/**
 * One transaction holds at most so many records, and so long it keeps everybody else from feeding the app or erasing anybody of it: a quarter of a second,
 * or a few times that in a large database. Half as many were a tenth slower, half as many more no faster.
 */
const BATCH_RECORDS = 2_000;
/** And at most so many characters of text, and so many participants, mentions and reactions. */
const BATCH_TEXT = 4 << 20;
const BATCH_PARTS = 20_000;

type ItemInFile = AnyItem & { at: Position };
type TakeIn = (items: readonly ItemInFile[], onWriting: () => void) => Promise<Ingested>;

interface Run {
  report: ImportReport;
  counts: Map<string, number>;
  takeIn: TakeIn;
  options: ImportOptions;
}

/**
 * Imports a whole export into an app, a batch a transaction. Everything is known by its external id: the same import again changes nothing, and one that
 * was killed half-way is completed by running it again. What cannot be taken over is skipped and reported with file and line. Throws a Refusal
 * where nothing sensible can follow.
 *
 * A dry run is the import itself, in one transaction that is rolled back: what it reports is what would happen. Meanwhile nothing else can be fed into
 * the app, nor anybody of it be erased; where something waits, the dry run gives up.
 */
export async function runImport(
  system: System,
  scope: Scope,
  appId: string,
  importer: Importer,
  path: string,
  options: ImportOptions = {},
): Promise<ImportReport> {
  const importId = uuidv7(system.now());
  const report = newReport(importId, options.dryRun ?? false);
  const counts = new Map<string, number>();
  const indexes = new Map<string, Buffer>();
  const take = (session: Session, items: readonly ItemInFile[], onWriting: () => void): Promise<Ingested> =>
    ingest(session, appId, items, { indexes, onWriting });
  const begun = performance.now();
  const targets = () => ({
    import: importId,
    app: appId,
    records: report.records,
    counts: Object.fromEntries(counts),
    skipped: report.skipped.total,
  });
  const note = (act: string, more = {}) =>
    inScope(system, scope, (session) =>
      recordAct(session, act, { ...targets(), ...more }, act === 'import.failed' ? 'FAILED' : 'DONE'),
    );
  try {
    await requireApp(system, scope, appId);
    if (options.dryRun) {
      await rehearse(system, scope, (session) =>
        readAll(importer(path), {
          report,
          counts,
          options,
          takeIn: async (items, onWriting) => {
            await makeWay(session);
            return take(session, items, onWriting);
          },
        }),
      );
      await note('import.rehearsed');
    } else {
      // An import that is killed leaves this entry; its batches have none of their own.
      await note('import.started');
      const takeIn: TakeIn = (items, onWriting) =>
        ingestWhole(
          system,
          scope,
          (act) => inScope(system, scope, act),
          (session) => take(session, items, onWriting),
        );
      await readAll(importer(path), { report, counts, options, takeIn });
      await note('import.completed');
    }
  } catch (error) {
    await note('import.failed', { code: error instanceof Refusal ? error.code : (sqlState(error) ?? 'INTERNAL') }).catch(
      () => undefined,
    );
    throw error;
  }
  report.counts = tabulate(counts);
  report.seconds = Math.round(performance.now() - begun) / 1000;
  return report;
}

const stopped = (dryRun: boolean): Refusal =>
  new Refusal(
    'UNAVAILABLE',
    dryRun
      ? 'Stopped. Nothing was written.'
      : 'Stopped. What was taken over so far is held; the same import again takes over the rest.',
  );

function requireApp(system: System, scope: Scope, appId: string): Promise<void> {
  return inScope(system, scope, async ({ db }) => {
    const [app] = (await db.query('select 1 from apps where tenant_id = $1 and id = $2 and erased_at is null', [
      scope.tenantId,
      appId,
    ])) as unknown[];
    if (!app)
      throw new Refusal(
        'NOT_FOUND',
        `There is no app ${appId} in tenant ${scope.tenantId}; run: habeas app list --tenant ${scope.tenantId}`,
      );
  });
}

/** Runs an act in a transaction that is rolled back, with a file store that lets everything through and keeps nothing. */
async function rehearse(system: System, scope: Scope, act: (session: Session) => Promise<void>): Promise<void> {
  const over = new Error('The rehearsal is over.');
  const files: System['files'] = {
    ...system.files,
    write: async (_key, source) => {
      const { through, measure } = meter();
      await pipeline(source, through, new Writable({ write: (_chunk, _encoding, done) => done() }));
      return measure();
    },
    remove: async () => false,
  };
  try {
    await inScope(system, scope, async (session) => {
      // One that was suspended must not hold the app for good.
      await session.db.query(`select set_config('idle_in_transaction_session_timeout', '2min', true)`);
      await act({ ...session, system: { ...system, files } });
      throw over;
    });
  } catch (error) {
    if (error !== over) throw error;
  }
}

/** Ends a rehearsal that somebody waits for: whoever is to be erased from the app, or what is fed into it, comes first. `pg_stat_activity` would tell the same for the whole transaction. */
async function makeWay({ db }: Session): Promise<void> {
  const [waiting] = (await db.query(
    'select 1 from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid)) limit 1',
  )) as unknown[];
  if (waiting)
    throw new Refusal(
      'UNAVAILABLE',
      'Stopped: something else in this app (an erasure, an export, or what is fed in) had to wait for this rehearsal. Nothing was written. Rehearse at a quieter time, or in an app of its own.',
    );
}

/** So many records are read without a pause, about a millisecond. */
const SLICE = 25;

/** Reads the source into batches, which are written one after the other. Those that are full are written, also where the source fails behind them. */
async function readAll(events: AsyncGenerator<SourceEvent>, run: Run): Promise<void> {
  const { report, options } = run;
  let items: ItemInFile[] = [];
  let text = 0;
  let parts = 0;
  const progress = { done: 0, total: 0 };
  const tell = (): void => options.onProgress?.({ ...progress, records: report.records });
  let written = Promise.resolve();
  // While the database writes a batch the next is read. Not before: until it has something to write it waits for this thread.
  const handOver = async (): Promise<void> => {
    const batch = items;
    [items, text, parts] = [[], 0, 0];
    await written;
    await new Promise<void>((goOn) => {
      written = takeOver(batch, goOn);
      written.then(goOn, goOn);
    });
  };
  const takeOver = async (batch: readonly ItemInFile[], onWriting: () => void): Promise<void> => {
    if (options.signal?.aborted) throw stopped(report.dryRun);
    if (batch.length) await writeBatch(run, batch, onWriting);
    tell();
  };
  try {
    for await (const event of events) {
      if (event.kind === 'progress') {
        Object.assign(progress, { done: event.done, total: event.total });
        tell();
      } else if (event.kind === 'record') {
        const { record, at, content, told } = event;
        // A last word repeats what the source said before.
        if (told !== 'LAST') report.records += 1;
        items.push({ index: items.length, at, record, ...(content ? { content } : {}), ...(told ? { told } : {}) });
        text += textIn(record);
        parts += partsOf(record);
        if (items.length >= (options.batchSize ?? BATCH_RECORDS) || text >= BATCH_TEXT || parts >= BATCH_PARTS || content)
          await handOver();
        // The source is closed when it has been read, and content is read from it.
        if (content) await written;
        // What is written waits for the database's answers, which are not seen while this thread is kept.
        if (items.length % SLICE === 0) await immediate();
      } else noteEvent(report, event);
    }
    await handOver();
  } finally {
    await written;
  }
}

/** How many characters of text a value holds, its names included; for anything else a few. */
function textIn(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let text = 8;
  if (Array.isArray(value)) for (const element of value) text += textIn(element);
  else for (const name in value) text += name.length + textIn((value as Record<string, unknown>)[name]);
  return text;
}

function partsOf(record: IntakeRecord): number {
  if (record.type === 'message') return record.mentions.length + record.reactions.length + record.attachments.length;
  return 'participants' in record ? record.participants.length : 0;
}

function noteEvent(report: ImportReport, event: Exclude<SourceEvent, { kind: 'record' | 'progress' }>): void {
  if (event.kind === 'dropped') report.dropped.push({ what: event.what, count: event.count });
  else if (event.kind === 'warning') noteWarning(report, event.at, event.message);
  else {
    report.records += 1;
    noteSkip(report, event.at, event.what, event.reason);
  }
}

async function writeBatch({ report, counts, takeIn }: Run, items: readonly ItemInFile[], onWriting: () => void): Promise<void> {
  const ingested = await takeIn(items, onWriting).catch((error: unknown) => {
    if (error instanceof Refusal) throw error;
    const between = `${showPosition(items[0]!.at)} and ${showPosition(items.at(-1)!.at)}`;
    const state = sqlState(error);
    // A database error's own words may quote values.
    const why = state === undefined ? (error as Error).message : `the database refused a statement (SQLSTATE ${state})`;
    throw new Error(
      `The batch between ${between} was not taken over: ${why}. ${report.dryRun ? 'Nothing was written.' : 'What came before it is held; the same import again goes on from there.'}`,
      { cause: error },
    );
  });
  for (const [name, by] of ingested.counts) counts.set(name, (counts.get(name) ?? 0) + by);
  for (const { index, what, reason } of ingested.skips) noteSkip(report, items[index]!.at, what, reason);
}
