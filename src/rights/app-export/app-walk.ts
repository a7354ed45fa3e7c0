import type { RawRecord } from '../../intake/records.ts';
import { place, type SealedColumn } from '../../data/place.ts';
import { readByIndex } from '../../database/by-index.ts';
import { unsealText } from '../../keys/sealed-value.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { ExportJob } from '../package/export.job.ts';
import { FIRST_ID } from '../package/walk.ts';
import type { Names } from './names.ts';

/** One walk over an app. `leftOut` counts what the native format cannot say. */
export interface AppWalk {
  job: ExportJob;
  appId: string;
  names: Names;
  leftOut: Record<string, number>;
}

/** The records of one kind: how their rows are read, page by page, and told. */
export interface Records<Row extends { id: string }> {
  /** Reads a page after an id. An empty one is the end. */
  read: (session: Session, walk: AppWalk, after: string) => Promise<Row[]>;
  tell: (session: Session, walk: AppWalk, rows: readonly Row[]) => Promise<RawRecord[]>;
}

/** Reads a kind from its first row to its last, each page in a transaction of its own. */
export async function* recordsOf<Row extends { id: string }>(
  walk: AppWalk,
  { read, tell }: Records<Row>,
): AsyncGenerator<RawRecord> {
  let after = FIRST_ID;
  for (;;) {
    walk.job.signal.throwIfAborted();
    const { rows, records } = await walk.job.read(async (session) => {
      await readByIndex(session.db);
      const page = await read(session, walk, after);
      return { rows: page, records: page.length ? await tell(session, walk, page) : [] };
    });
    if (!rows.length) return;
    yield* records;
    await walk.job.onRows(rows.length);
    after = rows.at(-1)!.id;
  }
}

export function leaveOut(walk: AppWalk, what: string, count = 1): void {
  walk.leftOut[what] = (walk.leftOut[what] ?? 0) + count;
}

/** The record with the fields that have a value: the native format leaves out what there is not. */
export function present<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], null> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null && value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], null>;
  };
}

/** Opens a sealed text; null stays null. */
export const opener =
  (tenantId: string, keys: ReadonlyMap<string, Buffer>) =>
  (owner: string, column: SealedColumn, row: string, sealed: Buffer | null): string | undefined => {
    const key = keys.get(owner);
    return sealed && key ? unsealText(key, place(tenantId, owner, column, row), sealed) : undefined;
  };

export const grouped = <T>(rows: readonly T[], by: (row: T) => string): Map<string, T[]> => Map.groupBy(rows, by);
