import type { Db } from './db.ts';

/** A statement as pg takes it: its text, or that with a name to be prepared by and the form in which its rows come. */
export type Statement = string | { text: string; name?: string; values?: unknown[]; rowMode?: 'array' };

export const textOf = (statement: Statement): string => (typeof statement === 'string' ? statement : statement.text);

/**
 * Runs a statement whose rows come as arrays, in the order of the select list. For pages of many rows, of which an object each would only
 * be taken apart again.
 */
export async function queryArrays(db: Db, text: string, values: readonly unknown[]): Promise<unknown[][]> {
  const statement: Statement = { text, rowMode: 'array' };
  // TypeORM, which knows texts only, hands it to pg as it is.
  return (await db.query(statement as unknown as string, [...values])) as unknown[][];
}
