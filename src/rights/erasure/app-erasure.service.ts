import { Refusal } from '../../errors.ts';
import { destroyAppKeys, destroyTenantKeys } from '../../keys/keyring.ts';
import type { Session } from '../../scope/in-scope.ts';
import { PROVIDER_TENANT } from '../../scope/scope.ts';
import { RequestTarget, type RightsRequest } from '../request.entity.ts';
import { deleteAllExports } from './held-exports.ts';
import { enterLedger, lockApp, openErasure, scheduleErasure } from './ledger.ts';

const OPEN = `status in ('RECEIVED', 'AWAITING_IDENTITY', 'READY', 'SCHEDULED', 'RUNNING')`;

/** Erases an app: one statement destroys the keys of everybody and everything in it; its API keys are revoked; the rows follow as a job. */
export async function eraseApp(
  session: Session,
  appId: string,
  { ground, confirm }: { ground: string; confirm: string },
): Promise<RightsRequest> {
  const { db, scope, system } = session;
  const app = await lockApp(session, appId);
  if (confirm !== app.name)
    throw new Refusal(
      'INVALID_INPUT',
      'confirm: not the name of the app. Type its name exactly: nothing brings an erased app back.',
    );
  const request = await openErasure(session, { target: RequestTarget.APP, targetId: appId, appId, subjectId: null, ground });
  if (app.erasedAt) throw new Refusal('NOT_FOUND', 'No such app in the scope of this token.');
  await enterLedger(session, request, null);
  const exports = await deleteAllExports(session, appId);
  await destroyAppKeys(system.keys, db, scope.tenantId, appId);
  const now = new Date(system.now());
  await db.query('update apps set erased_at = $3 where tenant_id = $1 and id = $2', [scope.tenantId, appId, now]);
  const [, keys] = (await db.query(
    'update api_keys set revoked_at = coalesce(revoked_at, $3) where tenant_id = $1 and app_id = $2 and revoked_at is null',
    [scope.tenantId, appId, now],
  )) as [unknown[], number];
  await db.query(
    `update requests set status = 'CANCELLED', completed_at = $3, needles = null, error = 'the app was erased' where tenant_id = $1 and app_id = $2 and id <> $4 and ${OPEN}`,
    [scope.tenantId, appId, now, request.id],
  );
  return scheduleErasure(session, request, {
    unreadable: true,
    counts: { exports, apiKeysRevoked: keys },
    targets: { app: appId },
  });
}

/**
 * Erases a tenant: destroying its one key makes everything in it unreadable; its API keys are deleted, so every token of its own stops; the rows
 * follow as a job. What stays is evidence: the tenant's and the apps' names, requests and ledger (ids and counts), and the audit log, which was never sealed
 * by the tenant's key and still verifies. A provider can still read the request.
 */
export async function eraseTenant(
  session: Session,
  { ground, confirm }: { ground: string; confirm: string },
): Promise<RightsRequest> {
  const { db, scope, system } = session;
  const { tenantId } = scope;
  if (scope.appId) throw new Refusal('FORBIDDEN', 'A token of one app erases no tenant.');
  if (tenantId === PROVIDER_TENANT) throw new Refusal('INVALID_INPUT', 'tenantId: the provider is no tenant; name one.');
  const [tenant] = (await db.query('select name from tenants where tenant_id = $1 for no key update', [tenantId])) as {
    name: string;
  }[];
  if (!tenant) throw new Refusal('NOT_FOUND', 'No such tenant in the scope of this token.');
  if (confirm !== tenant.name)
    throw new Refusal(
      'INVALID_INPUT',
      'confirm: not the name of the tenant. Type its name exactly: nothing brings an erased tenant back.',
    );
  // Every app at once, so that no batch of intake is under way in any of them.
  await db.query('select 1 from apps where tenant_id = $1 order by id for no key update', [tenantId]);
  const request = await openErasure(session, {
    target: RequestTarget.TENANT,
    targetId: tenantId,
    appId: null,
    subjectId: null,
    ground,
  });
  const [directory] = (await db.query('select erased_at as "erasedAt" from tenant_directory where tenant_id = $1', [
    tenantId,
  ])) as { erasedAt: Date | null }[];
  if (directory?.erasedAt) throw new Refusal('NOT_FOUND', 'No such tenant in the scope of this token.');
  await enterLedger(session, request, null);
  const exports = await deleteAllExports(session, null);
  await destroyTenantKeys(system.keys, db, tenantId);
  const now = new Date(system.now());
  await db.query('update apps set erased_at = coalesce(erased_at, $2) where tenant_id = $1', [tenantId, now]);
  await db.query('update tenants set contract_ended_at = coalesce(contract_ended_at, $2) where tenant_id = $1', [tenantId, now]);
  await db.query('update tenant_directory set erased_at = $2 where tenant_id = $1', [tenantId, now]);
  const [, keys] = (await db.query('delete from api_keys where tenant_id = $1', [tenantId])) as [unknown[], number];
  await db.query(
    `update requests set status = 'CANCELLED', completed_at = $2, needles = null, error = 'the tenant was erased' where tenant_id = $1 and id <> $3 and ${OPEN}`,
    [tenantId, now, request.id],
  );
  return scheduleErasure(session, request, {
    unreadable: true,
    counts: { exports, apiKeysDeleted: keys },
    targets: { tenant: tenantId },
  });
}
