import { uuidv7 } from '../database/uuid.ts';
import type { Session } from '../scope/in-scope.ts';
import type { Scope } from '../scope/scope.ts';
import { record, type AuditEntry } from './record.ts';

/** The entry of an act: who did what, on which rows. `targets` holds ids and counts only. */
export function entryOf(
  scope: Scope,
  now: number,
  act: string,
  targets: Record<string, unknown>,
  outcome: AuditEntry['outcome'] = 'DONE',
): AuditEntry {
  return {
    id: uuidv7(now),
    tenantId: scope.tenantId,
    at: new Date(now).toISOString(),
    actor: {
      key: scope.keyId,
      scope: scope.keyId === 'system' ? 'system' : scope.level,
      ...(scope.subject ? { subject: scope.subject } : {}),
      ...(scope.appId ? { app: scope.appId } : {}),
      ...(scope.userId ? { user: scope.userId } : {}),
    },
    act,
    outcome,
    requestId: scope.requestId,
    targets,
  };
}

/** Records an act in its own transaction: without its entry, the act does not happen. */
export async function recordAct(
  session: Session,
  act: string,
  targets: Record<string, unknown>,
  outcome: AuditEntry['outcome'] = 'DONE',
): Promise<void> {
  await record(session.db, entryOf(session.scope, session.system.now(), act, targets, outcome));
}
