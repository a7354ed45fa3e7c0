import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe } from '../errors.ts';
import type { System } from '../system.ts';
import type { BatchLoad } from './context.ts';
import { inPrepared, type Session } from './in-scope.ts';
import type { Scope } from './scope.ts';

/** One load of one request. */
interface Asked {
  by: object;
  load: BatchLoad<unknown>;
  keys: readonly string[];
  done: (values: unknown[]) => void;
  failed: (error: unknown) => void;
}

/** With fewer requests at a time a transaction of their own is cheaper. */
const COMPANY = 3;
/** So long after there was company more of it is on its way: who was answered together asks again together, one after the other. */
const COMPANY_MS = 100;
/** How much is read in one round of a transaction, and for how long there is another round in it. */
const MOST_LOADS = 32;
const ROUNDS_MS = 50;
/** So long a round may take before the next transaction begins beside it, and so many of a scope stand beside one another. */
const SLOW_MS = 25;
const MOST_AT_ONCE = 3;
/** A statement that takes longer is no longer waited for by those that share its transaction: each asks alone. */
const LONGEST_SECONDS = 2;

/** Which loads are shared, and of which keys. */
const shared = new WeakMap<BatchLoad<unknown>, (keys: readonly string[]) => boolean>();

/** Up to a hundred rows, each found by its id. */
export const fewIds = (keys: readonly string[]): boolean => keys.length <= 100;

/** Says of a load that it takes little time whatever it finds, for keys that are `few`: requests may then wait for one another's. With others it is its request's own. */
export function shareable<V>(few: (keys: readonly string[]) => boolean, load: BatchLoad<V>): BatchLoad<V> {
  shared.set(load, few);
  return load;
}

/** What is shared over one pool of connections: by scope, and how many transactions are under way in all. */
interface Sharing {
  places: Map<string, Place>;
  underWay: number;
}
const sharings = new WeakMap<System['source'], Sharing>();

/** What one request reads together with others. */
export interface SharedReads {
  /** What a load answers; rejected where the request has to ask alone. Undefined where it is better not shared. */
  read<V>(load: BatchLoad<V>, keys: readonly string[]): Promise<(V | undefined)[]> | undefined;
  /** Takes back what has not been sent. Whoever is about to take a connection of their own must not wait for one that others have to get. */
  withdraw(): void;
  /** The request has ended. */
  leave(): void;
}

/**
 * Has what requests of one scope load at the same time read in one transaction, each load for all that ask for it: what comes meanwhile is read in its next
 * round, or in the next transaction. Row-level security sees tenant, app and person, and these are the same for all of them; permissions are each request's own matter, and so is its
 * entry in the audit log. A person's own token does not share: what is opened to it in its transaction is opened by what it asked for.
 */
export function shareReads(system: System, { level, tenantId, appId }: Scope): SharedReads | undefined {
  if (level === 'user') return undefined;
  let sharing = sharings.get(system.source);
  if (!sharing) sharings.set(system.source, (sharing = { places: new Map(), underWay: 0 }));
  const name = `${level} ${tenantId} ${appId ?? ''}`;
  const known = sharing.places.get(name);
  const scope: Scope = { level, tenantId, ...(appId && { appId }), permissions: new Set(), keyId: 'system', requestId: 'shared' };
  const place = known ?? new Place(system, scope, sharing);
  if (!known) sharing.places.set(name, place);
  place.requests += 1;
  const by = {};
  const forget = (): void => {
    if (!place.requests && sharing.places.get(name) === place) sharing.places.delete(name);
  };
  return {
    read: (load, keys) => place.read(by, load, keys),
    withdraw: () => place.turnAway((one) => one.by === by),
    leave: () => {
      place.leave();
      if (!place.requests) setTimeout(forget, COMPANY_MS).unref();
    },
  };
}

/** All that is read in one scope. */
class Place {
  requests = 0;
  /** Until when there is company, though fewer are there. */
  #until = 0;
  #asked: Asked[] = [];
  #underWay = 0;
  /** Of those under way, which are waited for no longer. */
  #slow = 0;
  readonly #most: number;

  constructor(
    readonly system: System,
    readonly scope: Scope,
    readonly sharing: Sharing,
  ) {
    // Of all scopes together no more than half of the connections: the others are for what is not shared.
    this.#most = Math.max(1, (system.config.poolSize - 1) >> 1);
  }

  leave(): void {
    if (this.requests >= COMPANY) this.#until = performance.now() + COMPANY_MS;
    this.requests -= 1;
  }

  read<V>(by: object, load: BatchLoad<V>, keys: readonly string[]): Promise<(V | undefined)[]> | undefined {
    const idle = this.#underWay === this.#slow;
    const alone = this.requests < COMPANY && performance.now() > this.#until;
    if (alone || !shared.get(load)?.(keys) || (idle && !this.#mayBegin())) return undefined;
    return new Promise((done, failed) => {
      this.#asked.push({ by, load, keys, done: done as Asked['done'], failed });
      if (idle) void this.#answer();
    });
  }

  /** Has those that wait, or some of them, ask alone. */
  turnAway(which: (one: Asked) => boolean, error: unknown = new Error('not shared')): void {
    const going = this.#asked.filter(which);
    if (going.length) this.#asked = this.#asked.filter((one) => !which(one));
    for (const one of going) one.failed(error);
  }

  #mayBegin(): boolean {
    return this.#underWay < MOST_AT_ONCE && this.sharing.underWay < this.#most;
  }

  async #answer(): Promise<void> {
    this.#underWay += 1;
    this.sharing.underWay += 1;
    while (this.#asked.length) await this.#together();
    this.#underWay -= 1;
    this.sharing.underWay -= 1;
  }

  async #together(): Promise<void> {
    const { system, scope } = this;
    let asked: Asked[] = [];
    let slow = false;
    let watch: NodeJS.Timeout | undefined;
    const isSlow = (): void => {
      slow = true;
      this.#slow += 1;
      if (this.#underWay > this.#slow || !this.#asked.length) return;
      if (this.#mayBegin()) void this.#answer();
      else this.turnAway(() => true);
    };
    const readAll = async (session: Session): Promise<void> => {
      const end = performance.now() + ROUNDS_MS;
      do {
        // Only now that there is a connection: until then each may take back what it asked for.
        asked = this.#asked.splice(0, MOST_LOADS);
        watch = watch?.refresh() ?? setTimeout(isSlow, SLOW_MS);
        await readGroups(session, asked);
        // Those that were answered ask for what follows from it, and others have arrived.
        await nextTurn();
      } while (this.#asked.length && !slow && performance.now() < end);
    };
    try {
      await inPrepared(system, scope, readAll, Math.min(LONGEST_SECONDS, system.config.limits.seconds / 2));
    } catch (error) {
      system.log.warn({ error: describe(error) }, 'reads that were shared failed: each request reads alone');
      // Those that were answered before have been.
      for (const { failed } of asked) failed(error);
      if (!asked.length) this.turnAway(() => true, error);
    }
    clearTimeout(watch);
    if (slow) this.#slow -= 1;
  }
}

async function readGroups(session: Session, asked: readonly Asked[]): Promise<void> {
  const groups = Map.groupBy(asked, (one) => one.load);
  const ends = await Promise.allSettled([...groups].map(([load, group]) => readGroup(session, load, group)));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

async function readGroup(session: Session, load: Asked['load'], group: readonly Asked[]): Promise<void> {
  const keys = [...new Set(group.flatMap((one) => one.keys))];
  const values = await load(session, keys);
  const found = new Map(keys.map((key, index) => [key, values[index]]));
  for (const { keys: own, done } of group) done(own.map((key) => found.get(key)));
}
