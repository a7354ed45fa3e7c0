import { Refusal } from '../../errors.ts';
import { inScope, type Session } from '../../scope/in-scope.ts';
import { restoreScope, systemScope, type Scope, type StoredScope } from '../../scope/scope.ts';
import { givingWay } from '../../jobs/give-way.ts';
import type { JobHandler } from '../../jobs/worker.ts';
import type { System } from '../../system.ts';
import { RequestStatus, type RequestTarget } from '../request.entity.ts';
import { advanceRequest, findRequest } from '../request.service.ts';
import { appWalk } from './app-walk.ts';
import { conversationWalk, endLongConversation } from './conversation-erasure.service.ts';
import { doom, removeDoomed } from './doomed-files.ts';
import { isOpen, ledgerLineOf, lockAppSoon, openErasureOf, publishLedgerLine, witness } from './ledger.ts';
import { destroyNeedles } from '../needles.ts';
import type { Residual } from './residual.entity.ts';
import { scanResidual } from './residual.service.ts';
import type { Step, Walk } from './step.ts';
import { userWalk } from './user-walk.ts';

/** Rows a transaction, deleted or looked at. A kill costs no more than that of what was deleted; the search is begun anew. */
const BATCH = 5_000;
/** A message is deleted in the asking transaction; files and scan are left. */
const NOTHING: Walk = { count: async () => 0, locksApp: () => false, step: async () => undefined };
const WALKS: Readonly<Record<RequestTarget, Walk>> = {
  USER: userWalk,
  CONVERSATION: conversationWalk,
  MESSAGE: NOTHING,
  APP: appWalk,
  TENANT: appWalk,
};

export const runErasure: JobHandler = (system, data, signal) =>
  carryOut(system, String(data['requestId']), restoreScope(data['scope'] as StoredScope), signal);

/**
 * Carries an erasure to its end from wherever it stands: deletes rows in batches, each in a transaction with its progress, then files, then looks for what
 * was left behind. Killed anywhere, it is run again; run twice at once, the two take turns.
 */
export async function carryOut(
  system: System,
  requestId: string,
  scope: Scope,
  signal: AbortSignal,
  batch: number = BATCH,
): Promise<void> {
  try {
    const line = await inScope(system, scope, (session) => ledgerLineOf(session, requestId));
    const publish = async (): Promise<void> => line && publishLedgerLine(system, scope.tenantId, line);
    // A full store must not hold up what makes room in it: then the line follows the files.
    const published = await publish().then(
      () => true,
      () => false,
    );
    const piece = async (): Promise<boolean> => {
      const step = await deleteBatch(system, requestId, scope, batch);
      // After the last batch also those that a killed one left.
      if (!step || step.files?.length) await removeDoomed(system, scope);
      return step !== undefined;
    };
    while (await givingWay(system, signal, piece)) signal.throwIfAborted();
    await inScope(system, scope, (session) => endLongConversation(session, requestId));
    if (!published) await publish();
    const request = await inScope(system, scope, (session) => openErasureOf(session, requestId));
    if (!request) return;
    const residual = await scanResidual(system, systemScope(scope.tenantId, scope.requestId), request, batch, signal);
    await inScope(system, scope, (session) => complete(session, requestId, residual));
  } catch (error) {
    if (!signal.aborted) await noteFailure(system, scope, requestId, error).catch(() => undefined);
    throw error;
  }
}

async function deleteBatch(system: System, requestId: string, scope: Scope, batch: number): Promise<Step | undefined> {
  return inScope(system, scope, async (session) => {
    const found = await findRequest(session, requestId);
    const walk = WALKS[found.target];
    const counted = found.total ?? (isOpen(found) ? await walk.count(session, found) : 0);
    if (isOpen(found) && found.appId && walk.locksApp(found)) await lockAppSoon(session, found.appId);
    const request = await openErasureOf(session, requestId);
    if (!request) return undefined;
    const total = request.total ?? counted;
    const step = await walk.step(session, request, batch);
    if (!step) {
      await advanceRequest(session, requestId, { status: RequestStatus.RUNNING, total: Math.max(total, request.done) });
      return undefined;
    }
    await doom(session, step.files ?? []);
    const done = request.done + step.rows;
    await advanceRequest(session, requestId, {
      status: RequestStatus.RUNNING,
      stage: step.stage,
      done,
      total: Math.max(total, done),
      counts: added(request.counts, step.counts),
      error: null,
    });
    return step;
  });
}

const added = (before: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(more)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => [name, (before[name] ?? 0) + count]),
  );

async function complete(session: Session, requestId: string, residual: Residual): Promise<void> {
  const { db, scope, system } = session;
  const request = await openErasureOf(session, requestId);
  if (!request) return;
  await destroyNeedles(session, requestId);
  await db.query('update requests set residual = $3 where tenant_id = $1 and id = $2', [scope.tenantId, requestId, residual]);
  await advanceRequest(session, requestId, {
    // Something was found that somebody has to look at: the request does not call itself complete.
    status: residual.total ? RequestStatus.PARTIALLY_COMPLETED : RequestStatus.COMPLETED,
    stage: 'done',
    done: request.done,
    total: request.done,
    error: null,
    completedAt: new Date(system.now()),
  });
  await witness(session, requestId, 'erasure.completed', {
    target: request.target,
    id: request.targetId,
    counts: request.counts,
    residual: residual.total,
  });
}

/** In a transaction of its own: the one that failed is gone. Names the failure, never the text of one that is not ours, which may quote values. */
async function noteFailure(system: System, scope: Scope, requestId: string, error: unknown): Promise<void> {
  const text =
    error instanceof Refusal
      ? `${error.message} The job is tried again.`
      : `The job stopped (${error instanceof Error ? error.name : 'error'}) and is tried again.`;
  await inScope(system, scope, (session) => advanceRequest(session, requestId, { error: text }));
}
