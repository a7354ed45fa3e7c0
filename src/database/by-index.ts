import type { Db } from './db.ts';

/**
 * Has the rest of the transaction read lists in the order of their index. A planner that takes a person for a handful of rows would rather gather and sort
 * all of them for each page.
 */
export const readByIndex = (db: Db): Promise<unknown> => db.query("select set_config('enable_bitmapscan', 'off', true)");
