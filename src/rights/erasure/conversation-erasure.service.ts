import { Refusal } from '../../errors.ts';
import { deleteRows } from '../../data/holding.ts';
import { deleteMessages, newestOf } from '../../data/message/message.deletion.ts';
import { destroySubjectKeys } from '../../keys/keyring.ts';
import type { Session } from '../../scope/in-scope.ts';
import { RequestTarget, type RightsRequest } from '../request.entity.ts';
import { advanceRequest, findRequest } from '../request.service.ts';
import { doom } from './doomed-files.ts';
import { deleteExportsOf } from './held-exports.ts';
import { enterLedger, lockApp, lockAppSoon, openErasure, openErasureOf, scheduleErasure } from './ledger.ts';
import { keepNeedles, openNeedles } from '../needles.ts';
import type { Step, Walk } from './step.ts';

/** What is deleted in the asking transaction: a conversation no longer than this is unreadable, and gone, at once. */
const AT_ONCE = 2_000;

/**
 * Erases a conversation with everybody's messages in it. Its messages are sealed by their authors' keys, which live on: they are unreadable
 * once they are deleted, which for a long conversation is the job's work.
 */
export async function eraseConversation(session: Session, conversationId: string, ground: string): Promise<RightsRequest> {
  const { db, scope, system } = session;
  const find = async (): Promise<{ appId: string; externalIndex: Buffer; subjectId: string | null }> => {
    const [row] = (await db.query(
      'select app_id as "appId", external_index as "externalIndex", subject_id as "subjectId" from conversations where tenant_id = $1 and id = $2',
      [scope.tenantId, conversationId],
    )) as {
      appId: string;
      externalIndex: Buffer;
      subjectId: string | null;
    }[];
    if (!row) throw new Refusal('NOT_FOUND', 'No such conversation in the scope of this token.');
    return row;
  };
  const { appId } = await find();
  await lockApp(session, appId);
  const { externalIndex, subjectId } = await find();
  const request = await openErasure(session, {
    target: RequestTarget.CONVERSATION,
    targetId: conversationId,
    appId,
    subjectId,
    ground,
  });
  await enterLedger(session, request, externalIndex);
  await destroySubjectKeys(system.keys, db, scope.tenantId, [conversationId]);
  const people = await peopleOf(session, conversationId);
  const exports = await deleteExportsOf(session, appId, people);
  const first = await deleteSome(session, conversationId, AT_ONCE);
  await doom(session, first.files ?? []);
  const gone = first.rows < AT_ONCE;
  await keepNeedles(session, request.id, appId, {
    needles: [{ kind: 'ID', value: conversationId }],
    conversations: [],
    ...(gone ? {} : { people }),
  });
  return scheduleErasure(session, request, {
    unreadable: gone,
    counts: { ...first.counts, exports },
    targets: { conversation: conversationId, app: appId },
  });
}

/**
 * Says that the last message of a long conversation is gone. Until then an export could still read some, so those made meanwhile are deleted, and the
 * ledger grows once more, by which an export at work notices that it began too early.
 */
export async function endLongConversation(session: Session, requestId: string): Promise<void> {
  const { appId, target, unreadableAt } = await findRequest(session, requestId);
  if (target !== RequestTarget.CONVERSATION || unreadableAt || !appId) return;
  await lockAppSoon(session, appId);
  const request = await openErasureOf(session, requestId);
  if (!request || request.unreadableAt) return;
  const exports = await deleteExportsOf(session, appId, (await openNeedles(session, requestId))?.people ?? []);
  await enterLedger(session, request, null);
  await advanceRequest(session, requestId, {
    unreadableAt: new Date(session.system.now()),
    counts: { exports: (request.counts['exports'] ?? 0) + exports },
  });
}

async function peopleOf({ db, scope }: Session, conversationId: string): Promise<string[]> {
  const rows = (await db.query(
    'select user_id as id from participants where tenant_id = $1 and conversation_id = $2 union select subject_id from messages where tenant_id = $1 and conversation_id = $2 and subject_id is not null',
    [scope.tenantId, conversationId],
  )) as { id: string }[];
  return rows.map((row) => row.id);
}

async function deleteSome(session: Session, conversationId: string, limit: number): Promise<Step> {
  const ids = await newestOf(session, 'conversation_id', conversationId, limit);
  const deleted = ids.length ? await deleteMessages(session, ids, 'NONE') : { counts: {} };
  return { rows: ids.length, stage: 'messages', ...deleted };
}

const deleteParticipants = deleteRows('participants', ['conversation_id', 'user_id'], 'conversation_id = $2');
const hasMessages = (stage: string | null): boolean => stage === null || stage === 'messages';

/** Messages batch by batch, newest first; then who took part, the link from calls, and the conversation itself. */
export const conversationWalk: Walk = {
  count: async ({ db, scope }, { targetId }) => {
    const rows = (await db.query(
      `select count(*)::int as n from messages where tenant_id = $1 and conversation_id = $2
       union all select count(*)::int from participants where tenant_id = $1 and conversation_id = $2`,
      [scope.tenantId, targetId],
    )) as { n: number }[];
    // And the conversation itself.
    return rows.reduce((sum, { n }) => sum + n, 1);
  },
  locksApp: ({ stage }) => hasMessages(stage),
  step: async (session, { targetId, stage }, limit) => {
    if (hasMessages(stage)) {
      const messages = await deleteSome(session, targetId, limit);
      if (messages.rows) return messages;
    }
    const { rows: participants } = await deleteParticipants(session, targetId, limit);
    if (participants) return { rows: participants, stage: 'participants', counts: { participants } };
    const changed = async (sql: string): Promise<number> =>
      ((await session.db.query(sql, [session.scope.tenantId, targetId])) as [unknown[], number])[1];
    const calls = await changed('update calls set conversation_id = null where tenant_id = $1 and conversation_id = $2');
    const conversations = await changed('delete from conversations where tenant_id = $1 and id = $2');
    return conversations
      ? { rows: conversations, stage: 'conversations', counts: { callsUnlinked: calls, conversations } }
      : undefined;
  },
};
