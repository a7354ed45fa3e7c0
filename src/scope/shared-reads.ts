import type { System } from '../system.ts';
import type { BatchLoad } from './context.ts';
import { inPrepared, type Session } from './in-scope.ts';
import type { Scope } from './scope.ts';

/** One load of one request. */
interface Asked {
  load: BatchLoad<unknown>;
  keys: readonly string[];
  done: (values: unknown[]) => void;
  failed: (error: unknown) => void;
}

/** With fewer requests at a time a transaction of their own is cheaper. */
const COMPANY = 3;
const MOST_LOADS = 64;
/** So long a transaction may take before the next begins beside it, and so many stand beside one another. */
const SLOW_MS = 25;
const MOST_AT_ONCE = 3;

/** The loads that are shared, and up to how many keys. */
const shared = new WeakMap<BatchLoad<unknown>, number>();

/**
 * Says of a load that it takes little time whatever it finds, as a lookup by id or a page from an index does: requests may then wait for one another's. One
 * with more than `most` keys is its request's own.
 */
export function shareable<V>(most: number, load: BatchLoad<V>): BatchLoad<V> {
  shared.set(load, most);
  return load;
}

const places = new WeakMap<System['source'], Map<string, Place>>();

/** What one request reads together with others. */
export interface SharedReads {
  /** What a load answers; rejected if it failed for any of those that asked, which then have to ask alone. Undefined where it is better not shared. */
  read<V>(load: BatchLoad<V>, keys: readonly string[]): Promise<(V | undefined)[]> | undefined;
  /** The request has ended. */
  leave(): void;
}

/**
 * Has what requests of one scope load at the same time read in one transaction, each load by one statement: what comes while one is under way goes into the
 * next. Row-level security sees tenant, app and person, and these are the same for all of them; permissions are each request's own matter, and so is its
 * entry in the audit log. A person's own token does not share: what is opened to it in its transaction is opened by what it asked for.
 */
export function shareReads(system: System, { level, tenantId, appId }: Scope): SharedReads | undefined {
  if (level === 'user') return undefined;
  const all = places.get(system.source) ?? new Map<string, Place>();
  places.set(system.source, all);
  const name = `${level} ${tenantId} ${appId ?? ''}`;
  let place = all.get(name);
  if (!place) {
    const scope: Scope = {
      level,
      tenantId,
      ...(appId && { appId }),
      permissions: new Set(),
      keyId: 'system',
      requestId: 'shared',
    };
    all.set(name, (place = new Place(system, scope)));
  }
  const at = place;
  at.requests += 1;
  return {
    read: (load, keys) => at.read(load, keys),
    leave: () => {
      at.requests -= 1;
      if (!at.requests) all.delete(name);
    },
  };
}

/** All that is read in one scope. */
class Place {
  requests = 0;
  #asked: Asked[] = [];
  #underWay = 0;
  /** Of those under way, which are waited for no longer. */
  #slow = 0;

  constructor(
    readonly system: System,
    readonly scope: Scope,
  ) {}

  read<V>(load: BatchLoad<V>, keys: readonly string[]): Promise<(V | undefined)[]> | undefined {
    if (this.requests < COMPANY || keys.length > (shared.get(load) ?? 0) || this.#slow === MOST_AT_ONCE) return undefined;
    return new Promise((done, failed) => {
      this.#asked.push({ load, keys, done: done as Asked['done'], failed });
      if (this.#underWay === this.#slow) void this.#answer();
    });
  }

  async #answer(): Promise<void> {
    this.#underWay += 1;
    while (this.#asked.length) {
      let slow = false;
      const watch = setTimeout(() => {
        slow = true;
        this.#slow += 1;
        if (this.#asked.length && this.#underWay < MOST_AT_ONCE) void this.#answer();
      }, SLOW_MS);
      await this.#together(this.#asked.splice(0, MOST_LOADS));
      clearTimeout(watch);
      if (slow) this.#slow -= 1;
    }
    this.#underWay -= 1;
  }

  async #together(asked: readonly Asked[]): Promise<void> {
    const groups = new Map<Asked['load'], Asked[]>();
    for (const one of asked) {
      const group = groups.get(one.load);
      if (group) group.push(one);
      else groups.set(one.load, [one]);
    }
    const readAll = async (session: Session): Promise<void> => {
      const ends = await Promise.allSettled([...groups].map(([load, group]) => readGroup(session, load, group)));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    };
    try {
      await inPrepared(this.system, this.scope, readAll, this.system.config.limits.seconds);
    } catch (error) {
      // Those that were answered before have been.
      for (const { failed } of asked) failed(error);
    }
  }
}

async function readGroup(session: Session, load: Asked['load'], group: readonly Asked[]): Promise<void> {
  const keys = [...new Set(group.flatMap((one) => one.keys))];
  const values = await load(session, keys);
  const found = new Map(keys.map((key, index) => [key, values[index]]));
  for (const { keys: own, done } of group) done(own.map((key) => found.get(key)));
}
