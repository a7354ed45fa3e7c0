import type DataLoader from 'dataloader';
import type { ExecutionResult } from 'graphql';
import { entryOf } from '../audit/act.ts';
import type { AuditEntry } from '../audit/record.ts';
import { recordReads } from '../audit/recorder.ts';
import type { BatchLoad, RequestScope, Soon } from '../scope/context.ts';
import { inScope, openSession, type OpenSession, type Session } from '../scope/in-scope.ts';
import type { Scope } from '../scope/scope.ts';
import { shareReads, type SharedReads } from '../scope/shared-reads.ts';
import type { System } from '../system.ts';
import { tookTooLong } from './errors.ts';
import { makeLoader, type Loader } from './loader.ts';

/** The state of one GraphQL request. Apollo copies the context value, so all that changes lives here. */
export class Request implements RequestScope {
  /** Set once the operation is known. */
  mutation = false;
  /** What came of it, once it is being executed. */
  executed: Promise<ExecutionResult> | undefined;
  readonly #loaders = new Map<BatchLoad<never>, Loader<never>>();
  readonly #entries: AuditEntry[] = [];
  readonly #kept = new Map<() => unknown, unknown>();
  #reading: Promise<OpenSession> | undefined;
  #began: number | undefined;
  #ended = false;
  #shares: SharedReads | undefined;

  constructor(
    readonly system: System,
    readonly scope: Scope,
  ) {}

  async inScope<T>(act: (session: Session) => Promise<T>): Promise<T> {
    if (!this.mutation) return act(await this.#read());
    const result = await inScope(this.system, this.scope, act, this.system.config.limits.seconds);
    this.#forget();
    return result;
  }

  loader<V>(load: BatchLoad<V>): DataLoader<string, V | undefined> {
    return this.#loader(load).each;
  }

  find<V>(load: BatchLoad<V>, key: string): Soon<V | undefined> {
    const { found, each } = this.#loader(load);
    return found.has(key) ? found.get(key) : each.load(key);
  }

  async prepare<V>(load: BatchLoad<V>, keys: readonly string[]): Promise<void> {
    const { found, lists } = this.#loader(load);
    if (keys.some((key) => !found.has(key))) await lists.load(keys);
  }

  kept<T>(make: () => T): T {
    if (!this.#kept.has(make)) this.#kept.set(make, make());
    return this.#kept.get(make) as T;
  }

  note(act: string, targets: Record<string, unknown>, outcome: AuditEntry['outcome'] = 'DONE'): void {
    this.#entries.push(entryOf(this.scope, this.system.now(), act, targets, outcome));
  }

  /** Ends the transaction and writes what was noted. Called before the answer leaves; throws if the entries cannot be written. */
  async finish(): Promise<void> {
    const reading = this.#end();
    const entries = this.#entries.splice(0);
    // All that was read is in the answer: while its entries are written nothing else has to be kept, or the collector would carry it along.
    this.#forget();
    this.#kept.clear();
    // Where a statement of the query failed it took the transaction with it: the acts are recorded all the same.
    const recorded = entries.length ? recordReads(this.system, this.scope.tenantId, entries) : undefined;
    await Promise.all([reading?.then((open) => open.commit()), recorded]);
  }

  /** Gives the connection back where no answer was made. */
  async abandon(): Promise<void> {
    const reading = this.#end();
    await reading?.then((open) => open.rollback()).catch(() => undefined);
  }

  /** With other requests of this scope, in a transaction of all of them: not once this one has its own. Undefined where it has to read alone. */
  #readTogether<V>(load: BatchLoad<V>, keys: readonly string[]): Promise<(V | undefined)[] | undefined> | undefined {
    if (this.mutation || this.#reading || this.#ended) return undefined;
    this.#checkTime();
    this.#shares ??= shareReads(this.system, this.scope);
    return this.#shares?.read(load, keys)?.catch(() => undefined);
  }

  #loader<V>(load: BatchLoad<V>): Loader<V> {
    let loader = this.#loaders.get(load as BatchLoad<never>) as Loader<V> | undefined;
    if (!loader) {
      loader = makeLoader(async (keys) => (await this.#readTogether(load, keys)) ?? (await load(await this.#read(), keys)));
      this.#loaders.set(load as BatchLoad<never>, loader as Loader<never>);
    }
    return loader;
  }

  #forget(): void {
    for (const { found, each } of this.#loaders.values()) {
      found.clear();
      each.clearAll();
    }
  }

  #end(): Promise<OpenSession> | undefined {
    this.#shares?.leave();
    this.#shares = undefined;
    const reading = this.#reading;
    this.#reading = undefined;
    this.#ended = true;
    return reading;
  }

  /**
   * Where one field's failure ends the answer, graphql leaves the others to themselves: what they still look up would open a transaction that nobody
   * ends, and keep a connection for good.
   */
  async #read(): Promise<Session> {
    const refuseEnded = (): void => {
      if (this.#ended) throw new Error('the answer is out: nothing more is read for it');
    };
    refuseEnded();
    if (!this.#reading) this.#shares?.withdraw();
    this.#reading ??= openSession(this.system, this.scope, this.system.config.limits.seconds);
    const { session } = await this.#reading;
    refuseEnded();
    this.#checkTime();
    return session;
  }

  /**
   * The database cancels a statement that takes too long. Where statements that each take less did together, nothing more is begun: not of a mutation,
   * which has been done by then.
   */
  #checkTime(): void {
    const { seconds } = this.system.config.limits;
    this.#began ??= performance.now();
    if (!this.mutation && performance.now() - this.#began > seconds * 1000) throw tookTooLong(seconds);
  }
}
