import type { Session } from '../scope/in-scope.ts';

/**
 * Opens every row that is a person's own to their own token: what was said in their conversations and calls lies behind having taken part.
 * For what walks the holdings; wider scopes see those rows without.
 */
export async function enterOwnRows({ db, scope }: Session): Promise<void> {
  if (scope.level !== 'user') return;
  await db.query(
    `select enter_conversations(array(select conversation_id from participants where tenant_id = $1 and user_id = $2)),
       enter_calls(array(select call_id from call_participants where tenant_id = $1 and user_id = $2))`,
    [scope.tenantId, scope.userId],
  );
}
