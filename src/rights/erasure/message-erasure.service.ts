import { Refusal } from '../../errors.ts';
import { deleteMessages, messageIndex, type Keep } from '../../data/message/message.deletion.ts';
import { requireTenantKey } from '../../keys/keyring.ts';
import type { Session } from '../../scope/in-scope.ts';
import { RequestTarget, type RightsRequest } from '../request.entity.ts';
import { doom } from './doomed-files.ts';
import { deleteExportsOf } from './held-exports.ts';
import { enterLedger, lockApp, openErasure, scheduleErasure } from './ledger.ts';
import { keepNeedles } from '../needles.ts';

interface Held {
  id: string;
  appId: string;
  conversationId: string;
  subjectId: string | null;
  externalId: string;
}

/** Erases one message with its attachments, mentions and reactions, in this transaction; the files and the scan follow as a job. */
export async function eraseMessage(
  session: Session,
  messageId: string,
  { ground, mode, deletedByPerson }: { ground: string; mode: 'REMOVE' | 'PLACEHOLDER'; deletedByPerson?: string },
): Promise<RightsRequest> {
  const message = await findMessage(session, messageId);
  await lockApp(session, message.appId);
  const request = await openErasure(session, {
    target: RequestTarget.MESSAGE,
    targetId: message.id,
    appId: message.appId,
    subjectId: deletedByPerson ?? message.subjectId,
    ground,
    options: { mode },
  });
  await findMessage(session, messageId);
  const tenantKey = await requireTenantKey(session.system.keys, session.db, session.scope.tenantId);
  await enterLedger(session, request, messageIndex(tenantKey, message.conversationId, message.externalId));
  // A tombstone keeps the message's id on purpose, so there is nothing to look for.
  await keepNeedles(session, request.id, message.appId, {
    needles: mode === 'REMOVE' ? [{ kind: 'ID', value: message.id }] : [],
    conversations: [],
  });
  const keep: Keep = mode === 'REMOVE' ? 'NONE' : 'ALL';
  const { counts, files } = await deleteMessages(session, [message.id], keep);
  await doom(session, files);
  const exports = await deleteExportsOf(session, message.appId, await readersOf(session, message));
  return scheduleErasure(session, request, {
    unreadable: true,
    counts: { ...counts, exports },
    targets: { message: message.id, conversation: message.conversationId, app: message.appId },
  });
}

async function findMessage({ db, scope }: Session, id: string): Promise<Held> {
  const [message] = (await db.query(
    `select id, app_id as "appId", conversation_id as "conversationId", subject_id as "subjectId", external_id as "externalId" from messages
     where tenant_id = $1 and id = $2 and deleted_at is null`,
    [scope.tenantId, id],
  )) as Held[];
  if (!message) throw new Refusal('NOT_FOUND', 'No such message in the scope of this token.');
  return message;
}

/**
 * By whom the export files are found that may hold a message: its subject, since every file names those whose words it holds. One that nobody wrote may
 * stand with all who take part. Not with them in any case: in a channel where somebody deletes a message every day nobody could keep a file.
 */
async function readersOf({ db, scope }: Session, message: Held): Promise<string[]> {
  if (message.subjectId) return [message.subjectId];
  const rows = (await db.query('select user_id as id from participants where tenant_id = $1 and conversation_id = $2', [
    scope.tenantId,
    message.conversationId,
  ])) as { id: string }[];
  return rows.map((row) => row.id);
}
