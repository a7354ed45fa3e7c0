import DataLoader from 'dataloader';
import type { Soon } from '../scope/context.ts';

/** What one request loads by one function: keys one by one, or those of whole lists. */
export interface Loader<V> {
  /** What is known; a promise only where it could not be loaded, which is told to whoever asks. */
  found: Map<string, Soon<V | undefined>>;
  each: DataLoader<string, V | undefined>;
  /** Has `found` know all keys of a list. Never rejected. */
  lists: DataLoader<readonly string[], void>;
}

const MOST_KEYS = 1000;

export function makeLoader<V>(load: (keys: readonly string[]) => Promise<(V | undefined)[]>): Loader<V> {
  const found: Loader<V>['found'] = new Map();
  const loadAll = async (keys: readonly string[]): Promise<(V | undefined)[]> => {
    const values = await load(keys);
    for (const [index, key] of keys.entries()) found.set(key, values[index]);
    return values;
  };
  const loadList = async (keys: readonly string[]): Promise<void> => {
    try {
      await loadAll(keys);
    } catch (error) {
      const failed = Promise.reject(error as Error);
      // Nobody may ask for it.
      failed.catch(() => undefined);
      for (const key of keys) found.set(key, failed);
    }
  };
  const loadLists = async (lists: readonly (readonly string[])[]): Promise<void[]> => {
    const keys = [...new Set(lists.flat())].filter((key) => !found.has(key));
    for (let from = 0; from < keys.length; from += MOST_KEYS) await loadList(keys.slice(from, from + MOST_KEYS));
    return lists.map(() => undefined);
  };
  return {
    found,
    each: new DataLoader(loadAll, { maxBatchSize: MOST_KEYS }),
    lists: new DataLoader(loadLists, { cache: false }),
  };
}
