import { sqlState } from '../database/db.ts';
import { uuidv7 } from '../database/uuid.ts';
import { Refusal } from '../errors.ts';
import type { Session } from '../scope/in-scope.ts';
import { dueDate } from './clock.ts';
import { RequestType, type RequestStatus, type RequestTarget, type RightsRequest } from './request.entity.ts';

const COLUMNS = `tenant_id as "tenantId", id, app_id as "appId", type, target, target_id as "targetId", subject_id as "subjectId", status, ground, options, stage,
  done::int, total::int, counts, error, received_at as "receivedAt", due_at as "dueAt", unreadable_at as "unreadableAt", completed_at as "completedAt", requested_by as "requestedBy"`;

export interface NewRequest {
  type: RequestType;
  target: RequestTarget;
  targetId: string;
  appId: string | null;
  subjectId: string | null;
  status: RequestStatus;
  ground?: string;
  options?: Record<string, unknown>;
}

/** Opens a request. A person, conversation, app or tenant has at most one erasure open at a time: a second one is a CONFLICT. */
export async function openRequest({ db, scope, system }: Session, request: NewRequest): Promise<RightsRequest> {
  const now = system.now();
  // No number of packages asked for keeps somebody from being erased; of erasures there is one at most.
  if (request.type !== RequestType.ERASURE) {
    await checkOpen({ db, scope, system }, request.targetId);
    if (scope.level === 'user') await checkStored({ db, scope, system }, request.targetId);
  }
  try {
    const [row] = (await db.query(
      `insert into requests (tenant_id, id, app_id, type, target, target_id, subject_id, status, ground, options, received_at, due_at, requested_by)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning ${COLUMNS}`,
      [
        scope.tenantId,
        uuidv7(now),
        request.appId,
        request.type,
        request.target,
        request.targetId,
        request.subjectId,
        request.status,
        request.ground ?? null,
        request.options ?? {},
        new Date(now),
        dueDate(new Date(now)),
        scope.subject ? `${scope.keyId} (${scope.subject})` : scope.keyId,
      ],
    )) as RightsRequest[];
    return row!;
  } catch (error) {
    if (sqlState(error) === '23505') throw new Refusal('CONFLICT', 'An erasure of this is open already.');
    throw error;
  }
}

/** Nobody is helped by a hundred copies of the same package: so many requests about one person, or app, are open at a time. */
async function checkOpen({ db, scope, system }: Session, targetId: string): Promise<void> {
  const limit = system.config.limits.openRequests;
  // One at a time for each of them: requests that come at once would all count those before.
  await db.query(`select pg_advisory_xact_lock(hashtextextended($1, 1))`, [`${scope.tenantId} ${targetId}`]);
  const [row] = (await db.query(
    `select count(*)::int as open from requests where tenant_id = $1 and target_id = $2 and status in ${OPEN}`,
    [scope.tenantId, targetId],
  )) as { open: number }[];
  if (row!.open >= limit)
    throw new Refusal('LIMIT_EXCEEDED', `There are ${limit} open requests about this already; wait for one of them to end.`);
}

/** What a person asks for themselves fills a store that others need, too: so many of such packages, those being made among them, lie there until they expire. */
async function checkStored({ db, scope, system }: Session, personId: string): Promise<void> {
  const limit = system.config.limits.packages;
  const rows = (await db.query(
    `select a.expires_at as until from requests r left join artefacts a on a.tenant_id = r.tenant_id and a.request_id = r.id
     where r.tenant_id = $1 and r.target_id = $2 and r.options -> 'own' = 'true'
       and (r.status in ${OPEN} or a.deleted_at is null and a.expires_at > $3) order by 1`,
    [scope.tenantId, personId, new Date(system.now())],
  )) as { until: Date | null }[];
  if (rows.length < limit) return;
  const until = rows[rows.length - limit]!.until;
  const then = until ? `a new one can be asked for after ${until.toISOString()}` : 'wait for them';
  throw new Refusal(
    'LIMIT_EXCEEDED',
    `You have asked for ${rows.length} packages already that are being made or can be downloaded still; ${then}.`,
  );
}

const OPEN = `('RECEIVED', 'AWAITING_IDENTITY', 'READY', 'SCHEDULED', 'RUNNING')`;

export async function findRequest({ db, scope }: Session, id: string): Promise<RightsRequest> {
  const [row] = (await db.query(`select ${COLUMNS} from requests where tenant_id = $1 and id = $2`, [
    scope.tenantId,
    id,
  ])) as RightsRequest[];
  if (!row) throw new Refusal('NOT_FOUND', 'No such request in the scope of this token.');
  return row;
}

/** Newest first; `before` is the id of the last one seen. */
export async function listRequests(
  { db, scope }: Session,
  filter: { subjectId?: string; status?: RequestStatus; before?: string; limit: number },
): Promise<RightsRequest[]> {
  return (await db.query(
    `select ${COLUMNS} from requests where tenant_id = $1 and ($2::uuid is null or subject_id = $2) and ($3::text is null or status = $3) and ($4::uuid is null or id < $4)
     order by id desc limit $5`,
    [scope.tenantId, filter.subjectId ?? null, filter.status ?? null, filter.before ?? null, filter.limit],
  )) as RightsRequest[];
}

/** What a job may write on its request; counts are merged into those there are. */
export interface RequestProgress {
  status?: RequestStatus;
  stage?: string;
  done?: number;
  total?: number;
  counts?: Record<string, number>;
  error?: string | null;
  unreadableAt?: Date;
  completedAt?: Date;
}

export async function advanceRequest({ db, scope }: Session, id: string, progress: RequestProgress): Promise<void> {
  await db.query(
    `update requests set status = coalesce($3, status), stage = coalesce($4, stage), done = coalesce($5, done), total = coalesce($6, total), counts = counts || $7::jsonb,
       error = case when $8 then $9 else error end, unreadable_at = coalesce($10, unreadable_at), completed_at = coalesce($11, completed_at)
     where tenant_id = $1 and id = $2`,
    [
      scope.tenantId,
      id,
      progress.status ?? null,
      progress.stage ?? null,
      progress.done ?? null,
      progress.total ?? null,
      progress.counts ?? {},
      progress.error !== undefined,
      progress.error ?? null,
      progress.unreadableAt ?? null,
      progress.completedAt ?? null,
    ],
  );
}
