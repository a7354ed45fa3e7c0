import type { Db } from './db.ts';

/**
 * Runs a statement whose rows come as arrays, in the order of the select list. For pages of many rows: an object for each, only to be taken apart
 * again, was a seventh of an export's time.
 */
export async function queryArrays(db: Db, text: string, values: readonly unknown[]): Promise<unknown[][]> {
  // TypeORM hands the statement to pg as it is given, and pg takes its settings with it.
  return (await db.query({ text, rowMode: 'array' } as unknown as string, [...values])) as unknown[][];
}
