import { Refusal } from '../../errors.ts';
import { destroySubjectKeys } from '../../keys/keyring.ts';
import type { Session } from '../../scope/in-scope.ts';
import { RequestTarget, type RightsRequest } from '../request.entity.ts';
import { deleteExportsOf } from './held-exports.ts';
import { enterLedger, lockApp, openErasure, scheduleErasure } from './ledger.ts';
import { keepNeedles, wordFinder } from '../needles.ts';
import { userNeedles } from '../user-needles.ts';

export interface UserErasure {
  ground: string;
  note?: string;
  deepScan?: boolean;
  /** A restored backup brought the person back: the same again, whatever their row says. */
  again?: boolean;
}

const missing = (): Refusal => new Refusal('NOT_FOUND', 'No such user in the scope of this token.');

/**
 * Erases a person (Art. 17). In this transaction, however much is held: their key and those of their personal conversations are destroyed, so
 * that nobody can read anything of it any more; they can no longer be found; the ledger keeps them from coming back; and export files that hold
 * them are deleted. The rows follow as a job (user-erasure.job.ts).
 */
export async function eraseUser(
  session: Session,
  userId: string,
  { ground, note, deepScan = false, again = false }: UserErasure,
): Promise<RightsRequest> {
  const { db, scope, system } = session;
  const [found] = (await db.query('select app_id as "appId" from users where tenant_id = $1 and id = $2', [
    scope.tenantId,
    userId,
  ])) as { appId: string }[];
  if (!found) throw missing();
  await lockApp(session, found.appId);
  // A CONFLICT comes before a NOT_FOUND: whose erasure is open is marked erased already.
  const request = await openErasure(session, {
    target: RequestTarget.USER,
    targetId: userId,
    appId: found.appId,
    subjectId: userId,
    ground,
    options: { deepScan, ...(note ? { note } : {}) },
  });
  const [user] = (await db.query(
    'select external_index as "externalIndex", erased_at as "erasedAt" from users where tenant_id = $1 and id = $2 for update',
    [scope.tenantId, userId],
  )) as {
    externalIndex: Buffer;
    erasedAt: Date | null;
  }[];
  if (!user || (user.erasedAt && !again)) throw missing();
  const needles = await userNeedles(session, userId, deepScan);
  if (note && wordFinder(needles.needles)(note))
    throw new Refusal(
      'INVALID_INPUT',
      'note: it names the person. The request outlives them: write it without what they are known by.',
    );
  await keepNeedles(session, request.id, found.appId, needles);
  if (!user.erasedAt) await enterLedger(session, request, user.externalIndex);
  const personal = (await db.query('select id from conversations where tenant_id = $1 and subject_id = $2', [
    scope.tenantId,
    userId,
  ])) as { id: string }[];
  await destroySubjectKeys(system.keys, db, scope.tenantId, [userId, ...personal.map((row) => row.id)]);
  // The index goes too: without it nobody finds the row by the person's id on the platform while the job is at work.
  await db.query(
    'update users set erased_at = coalesce(erased_at, $3), external_index = uuid_send(id) where tenant_id = $1 and id = $2',
    [scope.tenantId, userId, new Date(system.now())],
  );
  const [, identifiers] = (await db.query('delete from identifiers where tenant_id = $1 and user_id = $2', [
    scope.tenantId,
    userId,
  ])) as [unknown[], number];
  const exports = await deleteExportsOf(session, found.appId, [userId]);
  return scheduleErasure(session, request, {
    unreadable: true,
    counts: { identifiers, exports },
    targets: { user: userId, app: found.appId },
  });
}
