import { enterOwnRows } from '../../data/own-rows.ts';
import type { Holding } from '../../data/holding.ts';
import { readByIndex } from '../../database/by-index.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { People } from './people.ts';
import type { Sieve } from './sieve.ts';

export const PAGE = 1000;
/** Below every id. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** A row as a package shows it: its cells, in the order of the section's columns. */
export type Row = unknown[];

/** A list of rows in a package: a category of the person's own data, or a part of its context. */
export interface Section {
  part: 'data' | 'context';
  name: string;
  columns: readonly string[];
  /** By pages: a step for each row would cost more than the row. */
  pages: AsyncIterable<readonly Row[]>;
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

/** Reads a page, and what is to be made of it, in one transaction. `last` is the last row of the page before. */
export type ReadPage<T> = (session: Session, last: T | undefined) => Promise<T[]>;

/** Reads pages until there is none, each in its own transaction. */
export async function* pages<T>(walk: Walk, readPage: ReadPage<T>): AsyncGenerator<T[]> {
  for await (const { rows } of openedPages(walk, readPage, async () => undefined)) yield rows;
}

/** Reads pages until there is none, and opens each where it is read. The next is read while one is worked on. */
export async function* openedPages<T, P>(
  walk: Walk,
  readPage: ReadPage<T>,
  open: (session: Session, rows: readonly T[]) => Promise<P>,
): AsyncGenerator<{ rows: T[]; opened: P }> {
  const read = (last: T | undefined): Promise<{ rows: T[]; opened: P }> => {
    const page = walk.read(async (session) => {
      await enterOwnRows(session);
      await readByIndex(session.db);
      const rows = await readPage(session, last);
      return { rows, opened: await open(session, rows) };
    });
    // It may fail before anybody waits for it.
    page.catch(() => undefined);
    return page;
  };
  let coming = read(undefined);
  try {
    for (;;) {
      walk.signal?.throwIfAborted();
      const page = await coming;
      if (!page.rows.length) return;
      coming = read(page.rows.at(-1));
      yield page;
    }
  } finally {
    // Whoever stops early leaves no transaction behind.
    await coming.catch(() => undefined);
  }
}

/** The SQL of an exact time: a JavaScript date would lose what is below a millisecond. */
export const isoTime = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`;

/** Answers what `isoTime` selects as ISO 8601, with as many digits as it takes. */
export const toIso = (selected: string | null): string | null => selected && `${selected.replace(/\.?0+$/, '')}Z`;
