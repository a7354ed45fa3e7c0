import { tookPart } from '../../data/conversation/conversation.queries.ts';
import { enterOwnRows } from '../../data/own-rows.ts';
import { Refusal } from '../../errors.ts';
import { inScope, type Session } from '../../scope/in-scope.ts';
import type { Scope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import type { RightsRequest } from '../request.entity.ts';
import { eraseMessage } from './message-erasure.service.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Says whether the person of this scope may delete a message: one they sent, or one they received in a conversation of two, or with the
 * business, while they took part; in a group what others wrote is not theirs to delete. Refuses with NOT_FOUND otherwise, and with EXPIRED after the tenant's window.
 */
export async function checkOwnMessage(session: Session, messageId: string): Promise<void> {
  const { db, scope, system } = session;
  await enterOwnRows(session);
  const [message] = (await db.query(
    `select m.sent_at as "sentAt", t.deletion_window_days as days from messages m
     join tenants t on t.tenant_id = m.tenant_id
     where m.tenant_id = $1 and m.id = $2 and m.deleted_at is null and exists (select 1 from users u where u.tenant_id = $1 and u.id = $3 and u.erased_at is null)
       and (m.subject_id = $3 or m.author_id = $3 or exists (select 1 from conversations c join participants me on me.tenant_id = $1 and me.conversation_id = c.id
         where c.tenant_id = $1 and c.id = m.conversation_id and c.kind in ('DIRECT', 'PERSONAL') and me.user_id = $3 and ${tookPart('me', 'm.sent_at')}))`,
    [scope.tenantId, messageId, scope.userId],
  )) as { sentAt: Date; days: number }[];
  if (!message) throw new Refusal('NOT_FOUND', 'No such message in the scope of this token.');
  if (system.now() > message.sentAt.getTime() + message.days * DAY_MS)
    throw new Refusal('EXPIRED', `A message can be deleted within ${message.days} days of its sending; this one is older.`);
}

/**
 * Deletes it, in the scope of the person's app: a policy for one person could not leave a tombstone, which is nobody's. The caller has checked
 * in the person's own scope that it is theirs (checkOwnMessage); the entry names the person.
 */
export function deleteOwnMessage(system: System, scope: Scope, messageId: string): Promise<RightsRequest> {
  const { userId, ...rest } = scope;
  const app: Scope = { ...rest, level: 'app', subject: `user ${userId}` };
  return inScope(
    system,
    app,
    (session) => eraseMessage(session, messageId, { ground: 'CONSENT_WITHDRAWN', mode: 'PLACEHOLDER', deletedByPerson: userId! }),
    system.config.limits.seconds,
  );
}
