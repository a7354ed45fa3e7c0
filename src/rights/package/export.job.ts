import { randomUUID } from 'node:crypto';
import { writePackage, type PackageEntry, type WrittenPackage } from '../../artefacts/package.ts';
import { recordAct } from '../../audit/act.ts';
import { artefactContext, artefactKey } from '../../data/artefact/artefact.queries.ts';
import { recordArtefact } from '../../data/artefact/artefact.service.ts';
import { uuidv7 } from '../../database/uuid.ts';
import { describe, Refusal } from '../../errors.ts';
import type { JobData } from '../../jobs/queue.ts';
import { createSubjectKeys, destroySubjectKeys } from '../../keys/keyring.ts';
import { inScope, type Session } from '../../scope/in-scope.ts';
import { restoreScope, type Scope, type StoredScope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import { RequestStatus, RequestTarget, type RequestType, type RightsRequest } from '../request.entity.ts';
import { advanceRequest, findRequest } from '../request.service.ts';
import { appOf, forgetPassword, readPassword } from './package-request.service.ts';
import { keyHolders } from './people.ts';
import type { Sieve } from './sieve.ts';
import type { Read } from './walk.ts';

/** One attempt at writing a request's export file. */
export interface ExportJob {
  system: System;
  scope: Scope;
  request: RightsRequest;
  read: Read;
  signal: AbortSignal;
  /** To be told how many rows went by, so that the request shows it. */
  onRows: (rows: number) => Promise<void>;
}

/** What a right wants written; what it answers through functions is asked for once the entries are written. */
export interface ExportPlan {
  entries: AsyncIterable<PackageEntry>;
  /** Filled in while the entries are written; `counts` in it also go to the request. */
  manifest: Record<string, unknown> & { counts: Record<string, number> };
  /** Whose words or names are inside, where not everybody's of the app are. */
  people?: () => string[];
  /** Which messages are inside, where not all of the app are. */
  messages?: Sieve;
  total: () => number;
}

export type PlanExport = (job: ExportJob) => Promise<ExportPlan>;

interface Attempt {
  request: RightsRequest;
  artefactId: string;
  key: Buffer;
  password: string | undefined;
  /** How many erasures the ledger held. */
  erasures: number;
  startedAt: number;
  /** Messages that were erased shortly before. */
  erasedBefore: Set<string>;
}

const ATTEMPTS = 5;
const PROGRESS_MS = 1000;
const OPEN: readonly string[] = [RequestStatus.SCHEDULED, RequestStatus.RUNNING];

/** An attempt whose file must not be used: somebody in it was erased meanwhile, or another worker has taken the request over. */
class Stale extends Error {}

/** There is nothing to be exported any more, and trying again changes nothing. */
class Impossible extends Error {}

/**
 * Writes the export file of a request and records it, whole or not at all. May be started any number of times: an attempt first clears away
 * what a killed one left, and a request that came to its end stays as it is.
 */
export async function runExport(
  system: System,
  data: JobData,
  signal: AbortSignal,
  plans: Partial<Record<RequestType, PlanExport>>,
): Promise<void> {
  const scope = restoreScope(data['scope'] as StoredScope);
  const requestId = data['requestId'] as string;
  try {
    for (let tries = 1; ; tries += 1) {
      const attempt = await inScope(system, scope, (session) => begin(session, requestId)).catch((error: unknown) => {
        throw error instanceof Refusal ? new Impossible(error.message) : error;
      });
      if (!attempt) return;
      try {
        return await write(system, scope, attempt, signal, plans);
      } catch (error) {
        if (!(error instanceof Stale) || tries === ATTEMPTS) throw error;
        await system.files.remove(artefactKey(scope.tenantId, attempt.artefactId));
      }
    }
  } catch (error) {
    if (signal.aborted) throw error;
    if (await fail(system, scope, requestId, error)) return;
    throw error;
  }
}

async function lock(session: Session, requestId: string): Promise<RightsRequest> {
  await session.db.query('select 1 from requests where tenant_id = $1 and id = $2 for update', [
    session.scope.tenantId,
    requestId,
  ]);
  return findRequest(session, requestId);
}

async function begin(session: Session, requestId: string): Promise<Attempt | undefined> {
  const { db, scope, system } = session;
  const request = await lock(session, requestId);
  if (!OPEN.includes(request.status)) return undefined;
  await clearAttempt(session, request);
  const [app] = (await db.query('select 1 from apps where tenant_id = $1 and id = $2 and erased_at is null', [
    scope.tenantId,
    request.appId,
  ])) as unknown[];
  if (!app) throw new Refusal('NOT_FOUND', 'The app was erased.');
  if (request.target === RequestTarget.USER) await appOf(session, request.targetId);
  const startedAt = system.now();
  const artefactId = uuidv7(startedAt);
  const keys = await createSubjectKeys(system.keys, db, scope.tenantId, [{ id: artefactId, appId: request.appId }]);
  await advanceRequest(session, requestId, { status: RequestStatus.RUNNING, stage: artefactId, done: 0, error: null });
  return {
    request,
    artefactId,
    key: keys.get(artefactId)!,
    password: await readPassword(session, request),
    erasures: await countErasures(session, request),
    startedAt,
    erasedBefore: await erasedMessages(session, request, startedAt),
  };
}

/** Removes the file and the key of an attempt that did not come to its end; `stage` names them. */
async function clearAttempt({ db, scope, system }: Session, { stage }: RightsRequest): Promise<void> {
  if (!stage) return;
  await system.files.remove(artefactKey(scope.tenantId, stage));
  await destroySubjectKeys(system.keys, db, scope.tenantId, [stage]);
}

/**
 * The ledger only grows, so its length tells whether something was erased. Of a package people are asked for by their keys and messages by name (holdsErased):
 * what it does not hold may be erased as often as anybody likes.
 */
async function countErasures({ db, scope }: Session, { appId, target }: RightsRequest): Promise<number> {
  const [row] = (await db.query(
    `select count(*)::int as count from erasures where tenant_id = $1 and (app_id = $2 or app_id is null) and ($3 or target not in ('USER', 'MESSAGE'))`,
    [scope.tenantId, appId, target === RequestTarget.APP],
  )) as { count: number }[];
  return row!.count;
}

/** Clocks of two servers differ by less. */
const CLOCKS_MS = 60 * 60_000;

/** Messages of the app that were erased since about then, by id. */
async function erasedMessages({ db, scope }: Session, { appId }: RightsRequest, since: number): Promise<Set<string>> {
  const rows = (await db.query(
    `select target_id as id from erasures where tenant_id = $1 and app_id = $2 and target = 'MESSAGE' and erased_at > $3`,
    [scope.tenantId, appId, new Date(since - CLOCKS_MS)],
  )) as { id: string }[];
  return new Set(rows.map(({ id }) => id));
}

/** Whether a message that the file holds was erased while it was written. */
async function holdsErased(session: Session, attempt: Attempt, messages: Sieve): Promise<boolean> {
  const erased = await erasedMessages(session, attempt.request, attempt.startedAt);
  return [...erased.difference(attempt.erasedBefore)].some((id) => messages.mayHold(id));
}

async function write(
  system: System,
  scope: Scope,
  attempt: Attempt,
  signal: AbortSignal,
  plans: Partial<Record<RequestType, PlanExport>>,
): Promise<void> {
  const { request, artefactId, key, password } = attempt;
  const planExport = plans[request.type];
  if (!planExport) throw new Error(`No export is made for requests of type ${request.type}.`);
  const read: Read = (act) => inScope(system, scope, act);
  let done = 0;
  let told = 0;
  let total = (): number => 0;
  const onRows = async (rows: number): Promise<void> => {
    done += rows;
    if (Date.now() - told < PROGRESS_MS) return;
    told = Date.now();
    await read((session) => advanceRequest(session, request.id, { done, total: Math.max(total(), done) }));
  };
  const plan = await planExport({ system, scope, request, read, signal, onRows });
  total = plan.total;
  const written = await writePackage(system.files, artefactKey(scope.tenantId, artefactId), {
    entries: plan.entries,
    manifest: plan.manifest,
    ...(password && { password }),
    sealKey: key,
    context: artefactContext(scope.tenantId, artefactId),
    signal,
  });
  await read((session) => finish(session, attempt, plan, written, done));
}

/** Records the file, if nobody in it was erased since it was begun. The lock keeps erasures out until it is recorded; they then find it. */
async function finish(
  session: Session,
  attempt: Attempt,
  plan: ExportPlan,
  written: WrittenPackage,
  done: number,
): Promise<void> {
  const { db, scope, system } = session;
  const { request, artefactId } = attempt;
  await db.query('select 1 from apps where tenant_id = $1 and id = $2 for share', [scope.tenantId, request.appId]);
  const now = await lock(session, request.id);
  if (now.stage !== artefactId || !OPEN.includes(now.status)) throw new Stale();
  const people = plan.people?.() ?? [];
  const alive = await keyHolders(session, [artefactId, ...people]);
  if (alive.size !== people.length + 1 || (await countErasures(session, request)) !== attempt.erasures) throw new Stale();
  if (plan.messages && (await holdsErased(session, attempt, plan.messages))) throw new Stale();
  const day = new Date(system.now()).toISOString().slice(0, 10);
  const counts = plan.manifest.counts;
  await recordArtefact(session, {
    id: artefactId,
    appId: request.appId,
    requestId: request.id,
    subjectId: request.subjectId,
    coversApp: request.target === RequestTarget.APP,
    fileName: `${request.type.toLowerCase().replace('_', '-')}-${day}-${request.id.slice(-8)}.zip`,
    contentType: 'application/zip',
    size: written.size,
    sha256: written.sha256,
    // What people called their files is theirs: it stands in the package, not in the row.
    manifest: { ...plan.manifest, entries: written.entries.filter(({ name }) => !name.startsWith('files/')) },
    expiresAt: new Date(system.now() + system.config.exportDays * 86_400_000),
    people,
  });
  await advanceRequest(session, request.id, {
    status: RequestStatus.COMPLETED,
    done,
    total: done,
    counts,
    completedAt: new Date(system.now()),
  });
  await forgetPassword(session, now);
  await recordAct(session, `${request.type.toLowerCase()}.completed`, {
    request: request.id,
    artefact: artefactId,
    ...(request.subjectId && { user: request.subjectId }),
    counts,
  });
}

/** Says on the request why there will be no file: at once where there is nothing to export, after several attempts for anything else. Answers whether it did. */
async function fail(system: System, scope: Scope, requestId: string, error: unknown): Promise<boolean> {
  return inScope(system, scope, async (session) => {
    const request = await lock(session, requestId);
    if (!OPEN.includes(request.status)) return true;
    const failures = Number(request.options['failures'] ?? 0) + 1;
    await session.db.query(
      `update requests set options = options || jsonb_build_object('failures', $3::int) where tenant_id = $1 and id = $2`,
      [scope.tenantId, requestId, failures],
    );
    const refused = error instanceof Impossible;
    if (!refused && failures < ATTEMPTS) return false;
    const incident = randomUUID();
    if (!refused)
      system.log.error(
        {
          incident,
          request: requestId,
          error: describe(error),
        },
        'an export failed for good',
      );
    await clearAttempt(session, request);
    await forgetPassword(session, request);
    await advanceRequest(session, requestId, {
      status: RequestStatus.FAILED,
      error: refused
        ? error.message
        : `The file could not be written after ${failures} attempts. Tell your operator this incident id: ${incident}`,
      completedAt: new Date(system.now()),
    });
    await recordAct(session, `${request.type.toLowerCase()}.failed`, { request: requestId }, 'FAILED');
    return true;
  });
}
