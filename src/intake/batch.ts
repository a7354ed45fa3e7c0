import type { Readable } from 'node:stream';
import { Refusal } from '../errors.ts';
import { requireTenantKey } from '../keys/keyring.ts';
import type { Session } from '../scope/in-scope.ts';
import type { IntakeRecord, Told } from './records.ts';

export type RecordOf<T extends IntakeRecord['type']> = Extract<IntakeRecord, { type: T }>;

/** One record on its way in, with its index in the batch. */
export interface Item<T extends IntakeRecord['type']> {
  index: number;
  record: RecordOf<T>;
  content?: ReadonlyMap<string, () => Promise<Readable>>;
  told?: Told;
}

export interface AnyItem {
  index: number;
  record: IntakeRecord;
  content?: ReadonlyMap<string, () => Promise<Readable>>;
  told?: Told;
}

export type Outcome = 'created' | 'updated' | 'unchanged';
export interface Skip {
  index: number;
  what: string;
  reason: string;
}

/** A person as a batch knows them: their id, or that they were erased and must not come back. */
export interface KnownUser {
  id: string;
  erased: boolean;
  kind: string;
  /** Milliseconds since the epoch. Of somebody who signed up anew it is their former self's: what that one did stays gone. */
  erasedAt?: number;
  /** True while a row of an erased person is still there, waiting for its erasure to end. */
  leaving?: boolean;
}
export interface KnownConversation {
  id: string;
  kind: string;
  subjectId: string | null;
}

export interface IngestOptions {
  /** Refuses a batch that names somebody, or a conversation, that is not known; otherwise such a record is skipped. */
  strict?: boolean;
  /** Blind indexes of external ids that one import has computed, for its next batches. */
  indexes?: Map<string, Buffer>;
  /** Told, perhaps more than once, when the database has rows to write: from then on this thread waits for it rather than it for this thread. */
  onWriting?: () => void;
}

/** What one batch works with: the app, its tenant's key, who is known so far, and the counts. Lives for one transaction. */
export interface Batch {
  session: Session;
  appId: string;
  tenantKey: Buffer;
  users: Map<string, KnownUser>;
  conversations: Map<string, KnownConversation>;
  /** Whether the ledger knows messages of the app that were erased one by one; true until it was asked. */
  anyMessageErased: boolean;
  counts: Map<string, number>;
  skips: Skip[];
  /** Which item last told of a user, by external id. */
  userItems: Map<string, number>;
  /** Files written before the commit, to be removed if it fails. */
  written: string[];
  options: IngestOptions;
}

/** A message that a batch accepted, with who is who. */
export interface Accepted {
  /** Of the row that is there already, where there is one; empty where that one was deleted. */
  id: string;
  item: Item<'message'>;
  record: RecordOf<'message'>;
  conversationId: string;
  authorId: string | null;
  subjectId: string | null;
  /** False where the message was there already. */
  created: boolean;
}

/**
 * Opens a batch on an app. The lock keeps an erasure out until the batch has committed, and the batch out until an erasure has: whoever
 * was erased is then found in the ledger. It also lets one batch into an app at a time, so that two that hold the same records do
 * not meet in a unique index or a deadlock: the second finds what the first has written.
 */
export async function openBatch(session: Session, appId: string, options: IngestOptions): Promise<Batch> {
  const { db, scope, system } = session;
  const [app] = (await db.query('select 1 from apps where tenant_id = $1 and id = $2 and erased_at is null for no key update', [
    scope.tenantId,
    appId,
  ])) as unknown[];
  if (!app) throw new Refusal('NOT_FOUND', 'No such app in the scope of this token.');
  const tenantKey = await requireTenantKey(system.keys, db, scope.tenantId);
  return {
    session,
    appId,
    tenantKey,
    users: new Map(),
    conversations: new Map(),
    anyMessageErased: true,
    counts: new Map(),
    skips: [],
    userItems: new Map(),
    written: [],
    options,
  };
}

export function count(batch: Batch, what: string, outcome: Outcome, by = 1): void {
  if (by) batch.counts.set(`${what}.${outcome}`, (batch.counts.get(`${what}.${outcome}`) ?? 0) + by);
}

export function skip(batch: Batch, item: { index: number }, what: string, reason: string): undefined {
  batch.skips.push({ index: item.index, what, reason });
}

/** True of somebody erased, and of what somebody who has come back did before they were erased. */
export const isGone = (user: KnownUser | undefined, at?: string): boolean =>
  user !== undefined && (user.erased || (user.erasedAt !== undefined && at !== undefined && Date.parse(at) <= user.erasedAt));

export const ERASED_REASON = 'the person was erased';

/** Rows to the column arrays that `unnest` takes, after tenant and app. */
export function columns<T>(batch: Batch, rows: readonly T[], cells: (row: T) => unknown[]): unknown[] {
  const filled = rows.map(cells);
  const width = filled[0]?.length ?? 0;
  return [batch.session.scope.tenantId, batch.appId, ...Array.from({ length: width }, (_, i) => filled.map((row) => row[i]))];
}

/** One value a name: of those that share it what `merge` makes of the earlier and the later, as if they had come in a batch each. */
export function merged<T>(values: readonly T[], nameOf: (value: T) => string, merge: (before: T, after: T) => T): T[] {
  const byName = new Map<string, T>();
  for (const value of values) {
    const before = byName.get(nameOf(value));
    byName.set(nameOf(value), before === undefined ? value : merge(before, value));
  }
  return [...byName.values()];
}

/** One value a name: the last of those that share it. */
export function distinct<T>(values: readonly T[], nameOf: (value: T) => string): T[] {
  return [...new Map(values.map((value) => [nameOf(value), value])).values()];
}

export const timeOrNull = (value: string | undefined): string | null => value ?? null;
