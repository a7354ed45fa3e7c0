import type DataLoader from 'dataloader';
import type { System } from '../system.ts';
import type { Session } from './in-scope.ts';
import type { Scope } from './scope.ts';

/** Loads what belongs to each key, in the order of the keys; undefined where nothing of this scope does. */
export type BatchLoad<V> = (session: Session, keys: readonly string[]) => Promise<(V | undefined)[]>;

/** What is known already, or a promise of it: a list of many rows makes no promise for each. */
export type Soon<T> = T | Promise<T>;

/** One GraphQL request: who asks, and how it reads. */
export interface RequestScope {
  readonly scope: Scope;
  readonly system: System;
  /** A query's fields share the request's own transaction; each field of a mutation has one, which commits when `act` ends. */
  inScope<T>(act: (session: Session) => Promise<T>): Promise<T>;
  /**
   * The request's loader of this function: keys asked for in one tick are loaded together, each once; in the request's own transaction, or in one with others of
   * its scope (shared-reads.ts).
   */
  loader<V>(load: BatchLoad<V>): DataLoader<string, V | undefined>;
  /** What the loader of this function answers for a key: at once where it has before. */
  find<V>(load: BatchLoad<V>, key: string): Soon<V | undefined>;
  /** Has a loader load what the rows of a list will `find`, with what other lists ask for in the same tick: one promise for all of them, not one each. What fails is told by `find`. */
  prepare<V>(load: BatchLoad<V>, keys: readonly string[]): Promise<void>;
  /**
   * What a part of the program keeps for the request, made when it is first asked for. In a WeakMap by request it would outlive it: a collection of the young heap takes what
   * an entry holds for alive, and moves it to the old one.
   */
  kept<T>(make: () => T): T;
  /** Notes a read for the audit log, with ids and counts. It is written before the answer leaves; if it cannot be, no answer leaves. */
  note(act: string, targets: Record<string, unknown>): void;
}

/** The context value of every resolver. */
export interface Context {
  request: RequestScope;
}
