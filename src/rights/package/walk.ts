import { enterOwnRows } from '../../data/own-rows.ts';
import type { Holding } from '../../data/holding.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { People } from './people.ts';
import type { Sieve } from './sieve.ts';

export const PAGE = 2000;
/** Below every id. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** A row as a package shows it: what the columns are called, in their order. */
export type Row = Record<string, unknown>;

/** A list of rows in a package: a category of the person's own data, or a part of its context. */
export interface Section {
  part: 'data' | 'context';
  name: string;
  columns: readonly string[];
  rows: AsyncIterable<Row>;
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
  /** Whether attachments' names may stand in the names of files: not where the zip shows its directory but not its content. */
  openNames: boolean;
  signal?: AbortSignal;
  /** Told how many rows went by. */
  onRows?: (rows: number) => Promise<void>;
}

/** Reads pages until there is none, each in its own transaction. */
export async function* pages<T>(
  walk: Walk,
  readPage: (session: Session, last: T | undefined) => Promise<T[]>,
): AsyncGenerator<T[]> {
  let last: T | undefined;
  for (;;) {
    walk.signal?.throwIfAborted();
    const after = last;
    const page = await walk.read(async (session) => {
      await enterOwnRows(session);
      return readPage(session, after);
    });
    if (!page.length) return;
    yield page;
    last = page.at(-1);
  }
}

/** The SQL of an exact time: a JavaScript date would lose what is below a millisecond. */
export const isoTime = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`;

/** Answers what `isoTime` selects as ISO 8601, with as many digits as it takes. */
export const toIso = (selected: string | null): string | null => selected && `${selected.replace(/\.?0+$/, '')}Z`;
