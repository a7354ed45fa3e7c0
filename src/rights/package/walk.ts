import { setImmediate as turn } from 'node:timers/promises';
import type { CellPage } from '../../artefacts/cells.ts';
import { enterOwnRows } from '../../data/own-rows.ts';
import type { Holding } from '../../data/holding.ts';
import { readByIndex } from '../../database/by-index.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { People } from './people.ts';
import type { Sieve } from './sieve.ts';

export const PAGE = 1000;
/** After how many pages their garbage is collected: the collector sees of a buffer little more than its name, and would wait for megabytes of names. */
const COLLECTED_PAGES = 4;
/** Below every id. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** A list of rows in a package: a category of the person's own data, or a part of its context. */
export interface Section {
  part: 'data' | 'context';
  name: string;
  columns: readonly string[];
  /** By pages: a step for each row would cost more than the row. */
  pages: AsyncIterable<CellPage>;
}

/** Reads in the scope of whoever asked: each call a transaction of its own in a job, the shared one in a query. */
export type Read = <T>(act: (session: Session) => Promise<T>) => Promise<T>;

/** One walk over what is held about a person. */
export interface Walk {
  read: Read;
  subjectId: string;
  people: People;
  /** The messages whose rows, or what hangs on them, went by. */
  messages: Sieve;
  holdings: readonly Holding[];
  /** The most sealed bytes of a row, by category, as far as they were counted. */
  bytes: Map<string, number>;
  /** Whether attachments' names may stand in the names of files: not where the zip shows its directory but not its content. */
  openNames: boolean;
  signal?: AbortSignal;
  /** Told how many rows went by. */
  onRows?: (rows: number) => Promise<void>;
}

/** Reads the page after another one; undefined where there is none. */
export type ReadPage<P> = (session: Session, before: P | undefined) => Promise<P | undefined>;

/** Reads lists of rows until there is none; `last` is the last row of the list before. */
export async function* pages<T>(
  walk: Walk,
  readRows: (session: Session, last: T | undefined) => Promise<T[]>,
): AsyncGenerator<T[]> {
  const read: ReadPage<T[]> = async (session, before) => {
    const rows = await readRows(session, before?.at(-1));
    return rows.length ? rows : undefined;
  };
  yield* openedPages(walk, read, async (_session, rows) => rows);
}

/** A page on its way. */
interface Coming<P, O> {
  read: Promise<P | undefined>;
  opened: Promise<O | undefined>;
}

/**
 * Reads pages until there is none, and opens each in the transaction that read it. Once a page has been read the next is on its way, while that one is
 * opened and worked on; they are opened in their order. A transaction waits for the opening of the page before, and for nobody who works on one.
 */
export async function* openedPages<P, O>(
  walk: Walk,
  readPage: ReadPage<P>,
  open: (session: Session, page: P) => Promise<O>,
): AsyncGenerator<O> {
  const start = (before?: P, beforeOpened?: Promise<unknown>): Coming<P, O> => {
    const read = Promise.withResolvers<P | undefined>();
    const opened = walk.read(async (session) => {
      await enterOwnRows(session);
      const [, page] = await Promise.all([readByIndex(session.db), readPage(session, before)]);
      read.resolve(page);
      await beforeOpened;
      // To open a page keeps the thread: what asks for the next one goes out before.
      await turn();
      return page && open(session, page);
    });
    opened.catch(read.reject);
    // It may fail before anybody waits for it.
    read.promise.catch(() => undefined);
    return { read: read.promise, opened };
  };
  const ahead = [start()];
  try {
    for (let given = 1; ; given += 1) {
      walk.signal?.throwIfAborted();
      const coming = ahead[0]!;
      const page = await coming.read;
      if (page && ahead.length === 1) ahead.push(start(page, coming.opened));
      const opened = await coming.opened;
      if (!opened) return;
      yield opened;
      ahead.shift();
      // There with `--expose-gc`, with which Habeas is started (package.json).
      if (given % COLLECTED_PAGES === 0) globalThis.gc?.({ type: 'minor' });
    }
  } finally {
    // Whoever stops early leaves no transaction behind.
    await Promise.allSettled(ahead.map(({ opened }) => opened));
  }
}
