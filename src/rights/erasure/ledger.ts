import { Readable } from 'node:stream';
import { entryOf } from '../../audit/act.ts';
import { record } from '../../audit/record.ts';
import { sqlState } from '../../database/db.ts';
import { uuidv7 } from '../../database/uuid.ts';
import { Refusal } from '../../errors.ts';
import type { Session } from '../../scope/in-scope.ts';
import { storeScope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import { RequestStatus, RequestType, type RequestTarget, type RightsRequest } from '../request.entity.ts';
import { advanceRequest, findRequest, openRequest } from '../request.service.ts';

export interface NewErasure {
  target: RequestTarget;
  targetId: string;
  appId: string | null;
  /** The data subject, where it is about one person. */
  subjectId: string | null;
  ground: string;
  options?: Record<string, unknown>;
}

/** A line of the ledger: what was erased, so that neither intake nor a restored backup brings it back. Ids and a keyed index only. */
export interface LedgerLine {
  target: RequestTarget;
  targetId: string;
  appId: string | null;
  externalIndex: string | null;
  requestId: string;
  ground: string | null;
  mode: string | null;
  erasedAt: string;
}

/** Longer than any other statement of a request may take (HABEAS_LIMIT_SECONDS): an app of ten million people has as many keys. */
const SECONDS = 600;

export async function openErasure(session: Session, { options = {}, ...erasure }: NewErasure): Promise<RightsRequest> {
  await session.db.query(`select set_config('statement_timeout', $1, true)`, [`${SECONDS}s`]);
  return openRequest(session, { ...erasure, type: RequestType.ERASURE, status: RequestStatus.SCHEDULED, options });
}

/** The request, locked, if it is still open. */
export async function openErasureOf(session: Session, requestId: string): Promise<RightsRequest | undefined> {
  await session.db.query('select 1 from requests where tenant_id = $1 and id = $2 for update', [
    session.scope.tenantId,
    requestId,
  ]);
  const request = await findRequest(session, requestId);
  return isOpen(request) ? request : undefined;
}

export const isOpen = ({ status }: RightsRequest): boolean =>
  status === RequestStatus.SCHEDULED || status === RequestStatus.RUNNING;

/**
 * Locks an app against intake for the rest of the transaction: batches take the same lock, so all of them either have committed and are
 * seen by the erasure, or start after it and find the ledger.
 */
export async function lockApp({ db, scope }: Session, appId: string): Promise<{ name: string; erasedAt: Date | null }> {
  const [app] = (await db.query(
    'select name, erased_at as "erasedAt" from apps where tenant_id = $1 and id = $2 for no key update',
    [scope.tenantId, appId],
  )) as {
    name: string;
    erasedAt: Date | null;
  }[];
  if (!app) throw new Refusal('NOT_FOUND', 'No such app in the scope of this token.');
  return app;
}

/** A batch of intake is over much sooner; something longer must not keep a worker from what others wait for. */
const LOCK_WAIT = '5s';

/** Locks an app for a job, which is tried again later where something keeps it for longer: throws a Refusal that says so. */
export async function lockAppSoon(session: Session, appId: string): Promise<void> {
  const wait = (time: string): Promise<unknown> => session.db.query(`select set_config('lock_timeout', $1, true)`, [time]);
  await wait(LOCK_WAIT);
  await lockApp(session, appId).catch((error: unknown) => {
    if (sqlState(error) !== '55P03') throw error;
    throw new Refusal('UNAVAILABLE', 'Something else is at work in this app for longer.');
  });
  await wait('0');
}

export async function enterLedger(
  { db, scope, system }: Session,
  request: RightsRequest,
  externalIndex: Buffer | null,
): Promise<void> {
  await db.query(
    'insert into erasures (tenant_id, id, app_id, target, target_id, external_index, request_id, erased_at) values ($1, $2, $3, $4, $5, $6, $7, $8)',
    [
      scope.tenantId,
      uuidv7(system.now()),
      request.appId,
      request.target,
      request.targetId,
      externalIndex,
      request.id,
      new Date(system.now()),
    ],
  );
}

/** Records an act on an erasure, and its entry's id on the request, where the certificate finds it. */
export async function witness(
  { db, scope, system }: Session,
  requestId: string,
  act: string,
  targets: Record<string, unknown>,
): Promise<void> {
  const entry = entryOf(scope, system.now(), act, { request: requestId, ...targets });
  await record(db, entry);
  await db.query(
    `update requests set options = options || jsonb_build_object('auditEntries', coalesce(options -> 'auditEntries', '[]') || to_jsonb($3::text)) where tenant_id = $1 and id = $2`,
    [scope.tenantId, requestId, entry.id],
  );
}

/** Ends the first transaction of an erasure: the act's entry, since when nobody can read it (where that is now), and the job of the rest. */
export async function scheduleErasure(
  session: Session,
  request: RightsRequest,
  progress: { unreadable: boolean; counts: Record<string, number>; targets: Record<string, unknown> },
): Promise<RightsRequest> {
  const { db, scope, system } = session;
  const unreadableAt = progress.unreadable ? new Date(system.now()) : null;
  await advanceRequest(session, request.id, { counts: progress.counts, ...(unreadableAt ? { unreadableAt } : {}) });
  await witness(session, request.id, 'erasure.requested', { ...progress.targets, ground: request.ground });
  await system.queue.enqueue(db, 'erasure', { requestId: request.id, scope: storeScope(scope) });
  return Object.assign(request, { counts: progress.counts, unreadableAt });
}

const ledgerFolder = (tenantId: string): string => `${tenantId}/erasures`;

/** Writes a request's line of the ledger to the file store as well: a database restored from before the erasure does not know of it. */
export async function publishLedgerLine(system: System, tenantId: string, line: LedgerLine): Promise<void> {
  await system.files.write(
    `${ledgerFolder(tenantId)}/${line.requestId}`,
    Readable.from([Buffer.from(`${JSON.stringify(line)}\n`)]),
  );
}

const LINES = `select e.target, e.target_id as "targetId", e.app_id as "appId", encode(e.external_index, 'hex') as "externalIndex", e.request_id as "requestId",
  r.ground, r.options ->> 'mode' as mode, to_char(e.erased_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "erasedAt"
  from erasures e left join requests r on r.tenant_id = e.tenant_id and r.id = e.request_id where e.tenant_id = $1`;

export async function ledgerLineOf({ db, scope }: Session, requestId: string): Promise<LedgerLine | undefined> {
  return (
    (await db.query(`${LINES} and e.request_id = $2 order by e.erased_at limit 1`, [scope.tenantId, requestId])) as LedgerLine[]
  )[0];
}

/** The whole ledger, of the database and of the file store, a line for each thing erased (its first), oldest first. */
export async function readLedger(session: Session): Promise<LedgerLine[]> {
  const { db, scope, system } = session;
  const lines = new Map(
    ((await db.query(`${LINES} order by e.erased_at desc`, [scope.tenantId])) as LedgerLine[]).map((line) => [
      line.requestId,
      line,
    ]),
  );
  for await (const name of system.files.list(ledgerFolder(scope.tenantId))) {
    const requestId = name.slice(name.lastIndexOf('/') + 1);
    if (lines.has(requestId)) continue;
    const chunks: Buffer[] = [];
    for await (const chunk of await system.files.read(name)) chunks.push(chunk as Buffer);
    lines.set(requestId, JSON.parse(Buffer.concat(chunks).toString('utf8')) as LedgerLine);
  }
  return [...lines.values()].sort((a, b) => (a.erasedAt < b.erasedAt ? -1 : 1));
}
