import type { Db } from './db.ts';

/**
 * Has the rest of the transaction read lists in the order of their index. A planner that takes a person for a handful of rows would rather gather and sort
 * all of them for each page.
 */
export const readByIndex = (db: Db): Promise<unknown> => db.query("select set_config('enable_bitmapscan', 'off', true)");

/** Has it read by the index of what is sorted by and by no other way: a page of a table that is read to its end must not cost more than its rows. */
export const readByKey = (db: Db): Promise<unknown> =>
  db.query(`select ${['bitmapscan', 'seqscan', 'sort'].map((way) => `set_config('enable_${way}', 'off', true)`).join(', ')}`);
