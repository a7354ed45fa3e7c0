import type { Session } from '../../scope/in-scope.ts';
import { direction, within, type Window } from '../page.ts';
import type { AuditLogEntry } from './audit-log.entity.ts';

/** Entries of the tenant's log. Row-level security shows them to tenant-wide scopes only. */
export async function listAuditEntries({ db, scope }: Session, window: Window, act: string | null): Promise<AuditLogEntry[]> {
  return (await db.query(
    `select e.id, e.at, e.act, e.outcome, e.actor_key as "actorKey", e.actor_subject as "actorSubject", e.actor_scope as "actorScope", e.actor_app as "actorApp",
       e.actor_user as "actorUser", e.request_id as "requestId", e.targets, l.leaf_index::int as "leafIndex"
     from audit_entries e left join audit_leaves l on l.tenant_id = $1 and l.entry_id = e.id
     where e.tenant_id = $1 and ${within(window, 'e.id', 2)} and ($4::text is null or e.act = $4)
     order by e.id ${direction(window)} limit $5`,
    [scope.tenantId, window.lower, window.upper, act, window.limit],
  )) as AuditLogEntry[];
}
