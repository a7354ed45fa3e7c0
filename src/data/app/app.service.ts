import { recordAct } from '../../audit/act.ts';
import { uuidv7 } from '../../database/uuid.ts';
import { Refusal } from '../../errors.ts';
import { requireTenantKey } from '../../keys/keyring.ts';
import type { Session } from '../../scope/in-scope.ts';

export interface AppRow {
  id: string;
  name: string;
  createdAt: Date;
}

/** Creates an app: one messaging workspace, brand or product of the tenant. */
export async function createApp(session: Session, name: string): Promise<AppRow> {
  const { db, scope, system } = session;
  if (scope.appId) throw new Refusal('FORBIDDEN', 'A token of one app creates no other.');
  const trimmed = name.trim();
  if (!trimmed || trimmed.length > 200) throw new Refusal('INVALID_INPUT', 'name: between 1 and 200 characters.');
  // Not asked of the tenant's row, which is still there while a job erases the tenant.
  await requireTenantKey(system.keys, db, scope.tenantId);
  const id = uuidv7(system.now());
  const [made] = (await db.query(
    'insert into apps (tenant_id, id, name) values ($1, $2, $3) returning created_at as "createdAt"',
    [scope.tenantId, id, trimmed],
  )) as { createdAt: Date }[];
  await recordAct(session, 'app.created', { app: id });
  return { id, name: trimmed, createdAt: made!.createdAt };
}

export async function listApps({ db, scope }: Session): Promise<AppRow[]> {
  return (await db.query(
    'select id, name, created_at as "createdAt" from apps where tenant_id = $1 and erased_at is null order by id',
    [scope.tenantId],
  )) as AppRow[];
}
