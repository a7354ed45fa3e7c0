import type { Readable } from 'node:stream';
import { Refusal } from '../errors.ts';
import { requireTenantKey } from '../keys/keyring.ts';
import type { Session } from '../scope/in-scope.ts';
import type { IntakeRecord } from './records.ts';

export type RecordOf<T extends IntakeRecord['type']> = Extract<IntakeRecord, { type: T }>;

/** One record on its way in, with its index in the batch. */
export interface Item<T extends IntakeRecord['type']> {
  index: number;
  record: RecordOf<T>;
  content?: ReadonlyMap<string, () => Promise<Readable>>;
}

export interface AnyItem {
  index: number;
  record: IntakeRecord;
  content?: ReadonlyMap<string, () => Promise<Readable>>;
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
}
export interface KnownConversation {
  id: string;
  kind: string;
  subjectId: string | null;
}

/** What one batch works with: the app, its tenant's key, who is known so far, and the counts. Lives for one transaction. */
export interface Batch {
  session: Session;
  appId: string;
  tenantKey: Buffer;
  users: Map<string, KnownUser>;
  conversations: Map<string, KnownConversation>;
  counts: Map<string, number>;
  skips: Skip[];
  /** Files written before the commit, to be removed if it fails. */
  written: string[];
}

/**
 * Opens a batch on an app. The shared lock keeps an erasure out until the batch has committed, and the batch out until an erasure has:
 * whoever was erased is then found in the ledger.
 */
export async function openBatch(session: Session, appId: string): Promise<Batch> {
  const { db, scope, system } = session;
  const [app] = (await db.query('select 1 from apps where tenant_id = $1 and id = $2 and erased_at is null for share', [scope.tenantId, appId])) as unknown[];
  if (!app) throw new Refusal('NOT_FOUND', 'No such app in the scope of this token.');
  const tenantKey = await requireTenantKey(system.keys, db, scope.tenantId);
  return { session, appId, tenantKey, users: new Map(), conversations: new Map(), counts: new Map(), skips: [], written: [] };
}

export function count(batch: Batch, what: string, outcome: Outcome, by = 1): void {
  if (by) batch.counts.set(`${what}.${outcome}`, (batch.counts.get(`${what}.${outcome}`) ?? 0) + by);
}

export function skip(batch: Batch, item: { index: number }, what: string, reason: string): void {
  batch.skips.push({ index: item.index, what, reason });
}

export const ERASED_REASON = 'the person was erased';

export const timeOrNull = (value: string | undefined): string | null => value ?? null;
