import { deleteMessages } from '../data/message/message.deletion.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { count, skip, type Batch, type AnyItem, type Item } from './batch.ts';
import { insertReactions, sealingId, writeEdit } from './ingest-messages.ts';

interface Held {
  id: string;
  conversationId: string;
  subjectId: string | null;
  editedAt: Date | null;
  gone: boolean;
}

/** The message a change names, or undefined after having said why the change is skipped. */
async function heldMessage(batch: Batch, item: AnyItem, conversationName: string, externalId: string): Promise<Held | undefined> {
  const conversation = batch.conversations.get(conversationName);
  const { db, scope } = batch.session;
  const [row] = conversation
    ? ((await db.query(
        `select id, conversation_id as "conversationId", subject_id as "subjectId", edited_at as "editedAt", deleted_at is not null as gone from messages
         where tenant_id = $1 and conversation_id = $2 and external_id = $3`,
        [scope.tenantId, conversation.id, externalId],
      )) as Held[])
    : [];
  if (!row) skip(batch, item, item.record.type, conversation ? 'no message of this external id in the conversation' : 'no conversation of this external id');
  return row;
}

/** Later edits of messages held; an edit that is older than the one held changes nothing. */
export async function ingestEdits(batch: Batch, items: readonly Item<'messageEdit'>[]): Promise<void> {
  const { db, scope, system } = batch.session;
  for (const item of items) {
    const { record } = item;
    const held = await heldMessage(batch, item, record.conversation, record.externalId);
    if (!held) continue;
    if (record.mentions.some((name) => !batch.users.has(name))) {
      skip(batch, item, 'messageEdit', 'mentions: no user of this external id');
      continue;
    }
    const key = (await subjectKeys(system.keys, db, scope.tenantId, [sealingId(held)])).get(sealingId(held));
    if (held.gone || !key) skip(batch, item, 'messageEdit', 'the message was deleted');
    else if (held.editedAt && held.editedAt.getTime() >= Date.parse(record.editedAt)) count(batch, 'message', 'unchanged');
    else {
      await writeEdit(batch, held, record, key);
      count(batch, 'message', 'updated');
    }
  }
}

/** Deletions on the platform: the content goes, its place stays, so that the same old export cannot bring it back. */
export async function ingestDeletions(batch: Batch, items: readonly Item<'messageDeletion'>[]): Promise<string[]> {
  const ids: string[] = [];
  for (const item of items) {
    const held = await heldMessage(batch, item, item.record.conversation, item.record.externalId);
    if (held && !held.gone) ids.push(held.id);
    if (held) count(batch, 'message', held.gone ? 'unchanged' : 'updated');
  }
  return ids.length ? (await deleteMessages(batch.session, ids, 'ALL')).files : [];
}

export async function ingestReactions(batch: Batch, items: readonly Item<'reaction'>[]): Promise<void> {
  for (const item of items) {
    const held = await heldMessage(batch, item, item.record.conversation, item.record.message);
    if (held?.gone) skip(batch, item, 'reaction', 'the message was deleted');
    else if (held) await insertReactions(batch, [{ ...item.record, id: held.id, conversationId: held.conversationId, item }]);
  }
}
