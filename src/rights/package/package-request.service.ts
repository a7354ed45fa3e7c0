import { generatePassword } from '../../artefacts/password.ts';
import { recordAct } from '../../audit/act.ts';
import { notFound, requireId } from '../../data/not-found.ts';
import { Refusal } from '../../errors.ts';
import { createSubjectKeys, destroySubjectKeys, subjectKeys } from '../../keys/keyring.ts';
import { seal, unsealText, type Place } from '../../keys/sealed-value.ts';
import type { Session } from '../../scope/in-scope.ts';
import { storeScope, type Scope } from '../../scope/scope.ts';
import { RequestStatus, RequestTarget, type RequestType, type RightsRequest } from '../request.entity.ts';
import { wordFinder } from '../needles.ts';
import { openRequest } from '../request.service.ts';
import { userNeedles } from '../user-needles.ts';
import type { PackageArgs } from './package.args.ts';
import { Others, type PackageOptions, type PackageRequest } from './package.options.ts';

/** Whose package it is to be: for a user token the person of the token, for others the one they name and may ask for. */
export function subjectOf(scope: Scope, userId: string | null | undefined): string {
  if (scope.level === 'user') {
    if (userId && requireId(userId, 'user') !== scope.userId) throw notFound('user');
    return scope.userId!;
  }
  if (!scope.permissions.has('rights:request')) throw new Refusal('FORBIDDEN', 'This token does not hold rights:request.');
  if (!userId) throw new Refusal('INVALID_INPUT', 'userId: which person? It may be left out with a user token only.');
  return requireId(userId, 'user');
}

/** Refuses names without a reason, and names to people themselves: whether others agreed is not theirs to say. */
function checkOthers(scope: Scope, others: Others, reason: string | null | undefined): string | undefined {
  const given = reason?.trim().toWellFormed();
  if (others !== Others.FULL) {
    if (given) throw new Refusal('INVALID_INPUT', 'reason: given with others: FULL, and only then.');
    return undefined;
  }
  if (scope.level === 'user') throw new Refusal('FORBIDDEN', 'others: FULL is refused to user tokens.');
  if (!given || given.length > 1000) throw new Refusal('INVALID_INPUT', 'reason: between 1 and 1,000 characters, for FULL.');
  return given;
}

/** The app of a person in scope who was not erased. */
export async function appOf({ db, scope }: Session, userId: string): Promise<string> {
  const [user] = (await db.query('select app_id as "appId" from users where tenant_id = $1 and id = $2 and erased_at is null', [
    scope.tenantId,
    userId,
  ])) as { appId: string }[];
  if (!user) throw notFound('user');
  return user.appId;
}

/** Opens a request for a package and queues its job, in one transaction. */
export async function requestPackage(
  session: Session,
  type: RequestType.ACCESS | RequestType.PORTABILITY,
  args: PackageArgs,
): Promise<PackageRequest> {
  const { db, scope, system } = session;
  const subjectId = subjectOf(scope, args.userId);
  const reason = checkOthers(scope, args.others, args.reason);
  const appId = await appOf(session, subjectId);
  if (reason && wordFinder((await userNeedles(session, subjectId, false)).needles)(reason))
    throw new Refusal(
      'INVALID_INPUT',
      'reason: it names the person. The request and the audit log outlive them: write it without what they are known by.',
    );
  const options: PackageOptions = {
    format: args.format,
    others: args.others,
    encrypted: args.encrypted,
    ...(reason ? { reason } : {}),
  };
  const request = await openRequest(session, {
    type,
    target: RequestTarget.USER,
    targetId: subjectId,
    appId,
    subjectId,
    status: RequestStatus.SCHEDULED,
    // Where its job is lost, by this it is taken up as theirs: a person's own token reaches less than their app's.
    options: { ...options, ...(scope.level === 'user' && { own: true }) },
  });
  const password = args.encrypted ? await keepPassword(session, request) : null;
  await recordAct(session, `${type.toLowerCase()}.requested`, { request: request.id, user: subjectId, ...options });
  await system.queue.enqueue(db, 'export', { requestId: request.id, scope: storeScope(scope) });
  return { request, password };
}

const passwordPlace = (tenantId: string, requestId: string): Place => ({
  tenantId,
  subjectId: requestId,
  column: 'requests.options',
  row: requestId,
});

/** Keeps the password for the job, sealed under a key of the request's own that ends with the job. */
async function keepPassword({ db, scope, system }: Session, request: RightsRequest): Promise<string> {
  const password = generatePassword();
  const keys = await createSubjectKeys(system.keys, db, scope.tenantId, [{ id: request.id, appId: request.appId }]);
  const sealed = seal(keys.get(request.id)!, passwordPlace(scope.tenantId, request.id), password).toString('base64');
  await db.query(
    `update requests set options = options || jsonb_build_object('sealedPassword', $3::text) where tenant_id = $1 and id = $2`,
    [scope.tenantId, request.id, sealed],
  );
  return password;
}

export async function readPassword({ db, scope, system }: Session, request: RightsRequest): Promise<string | undefined> {
  const sealed = request.options['sealedPassword'];
  if (typeof sealed !== 'string') return undefined;
  const key = (await subjectKeys(system.keys, db, scope.tenantId, [request.id])).get(request.id);
  if (!key) throw new Error(`The password of request ${request.id} can no longer be read.`);
  return unsealText(key, passwordPlace(scope.tenantId, request.id), Buffer.from(sealed, 'base64'));
}

/** After the job nobody but who asked knows the password. */
export async function forgetPassword({ db, scope, system }: Session, request: RightsRequest): Promise<void> {
  if (request.options['sealedPassword'] === undefined) return;
  await db.query(`update requests set options = options - 'sealedPassword' where tenant_id = $1 and id = $2`, [
    scope.tenantId,
    request.id,
  ]);
  await destroySubjectKeys(system.keys, db, scope.tenantId, [request.id]);
}
