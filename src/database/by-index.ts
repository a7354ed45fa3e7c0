import type { Db } from './db.ts';

/** For a `select`: the planner leaves some ways of reading aside for the rest of the transaction. */
export const leavingAside = (...ways: ('bitmapscan' | 'seqscan' | 'sort')[]): string =>
  ways.map((way) => `set_config('enable_${way}', 'off', true)`).join(', ');

/**
 * Has the rest of the transaction read lists in the order of their index. A planner that takes a person for a handful of rows would rather gather and sort
 * all of them for each page.
 */
export const readByIndex = (db: Db): Promise<unknown> => db.query(`select ${leavingAside('bitmapscan')}`);

/** Has it read by the index of what is sorted by and by no other way: a page of a table that is read to its end must not cost more than its rows. */
export const readByKey = (db: Db): Promise<unknown> => db.query(`select ${leavingAside('bitmapscan', 'seqscan', 'sort')}`);
