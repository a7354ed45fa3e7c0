import { deleteMessages } from '../data/message/message.deletion.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { count, skip, type AnyItem, type Batch, type Item } from './batch.ts';
import { HELD_MESSAGES, stillThere } from './held-messages.ts';
import { insertReactions } from './ingest-marks.ts';
import { sealingId, writeEdit } from './message-edit.ts';

interface Held {
  id: string;
  conversationId: string;
  externalId: string;
  subjectId: string | null;
  editedAt: Date | null;
  gone: boolean;
}

/** The messages that changes name, each with its change. What cannot be changed is skipped, with the reason. */
async function heldMessages<T extends AnyItem>(
  batch: Batch,
  items: readonly T[],
  nameOf: (item: T) => { conversation: string; externalId: string },
): Promise<{ item: T; held: Held }[]> {
  const { db, scope } = batch.session;
  const wanted = items.map((item) => ({ item, ...nameOf(item), in: batch.conversations.get(nameOf(item).conversation) }));
  const rows = (await db.query(
    `select m.id, m.conversation_id as "conversationId", m.external_id as "externalId", m.subject_id as "subjectId", m.edited_at as "editedAt", m.deleted_at is not null as gone
     from ${HELD_MESSAGES}`,
    [scope.tenantId, wanted.map((one) => one.in?.id ?? null), wanted.map((one) => one.externalId)],
  )) as Held[];
  const found = new Map(rows.map((row) => [`${row.conversationId}/${row.externalId}`, row]));
  return wanted.flatMap(({ item, externalId, in: conversation }) => {
    const held = found.get(`${conversation?.id}/${externalId}`);
    if (held) return [{ item, held }];
    if (conversation?.kind === 'ERASED') skip(batch, item, item.record.type, 'the conversation was erased');
    else
      skip(
        batch,
        item,
        item.record.type,
        conversation ? 'no message of this external id in the conversation' : 'no conversation of this external id',
      );
    return [];
  });
}

/** Later edits of messages held; an edit that is older than the one held changes nothing. */
export async function ingestEdits(batch: Batch, items: readonly Item<'messageEdit'>[]): Promise<void> {
  if (!items.length) return;
  const { db, scope, system } = batch.session;
  const edits = await heldMessages(batch, items, ({ record }) => record);
  const keys = await subjectKeys(
    system.keys,
    db,
    scope.tenantId,
    edits.map(({ held }) => sealingId(held)),
  );
  for (const { item, held } of edits) {
    const { record } = item;
    const key = keys.get(sealingId(held));
    if (held.gone || !key) skip(batch, item, 'messageEdit', 'the message was deleted');
    else if (record.mentions.some((name) => !batch.users.has(name)))
      skip(batch, item, 'messageEdit', 'mentions: no user of this external id');
    else if (held.editedAt && held.editedAt.getTime() >= Date.parse(record.editedAt)) count(batch, 'message', 'unchanged');
    else {
      await writeEdit(batch, held, record, key);
      held.editedAt = new Date(record.editedAt);
      count(batch, 'message', 'updated');
    }
  }
}

/** Deletions on the platform: the content goes, its place stays, so that the same old export cannot bring it back. */
export async function ingestDeletions(batch: Batch, items: readonly Item<'messageDeletion'>[]): Promise<string[]> {
  if (!items.length) return [];
  const ids: string[] = [];
  for (const { held } of await heldMessages(batch, items, ({ record }) => record)) {
    count(batch, 'message', held.gone ? 'unchanged' : 'updated');
    if (!held.gone) ids.push(held.id);
    held.gone = true;
  }
  return ids.length ? (await deleteMessages(batch.session, ids, 'ALL')).files : [];
}

export async function ingestReactions(batch: Batch, items: readonly Item<'reaction'>[]): Promise<void> {
  if (!items.length) return;
  const named = await heldMessages(batch, items, ({ record }) => ({
    conversation: record.conversation,
    externalId: record.message,
  }));
  const there = await stillThere(
    batch,
    named.map(({ held }) => held.id),
  );
  for (const { item, held } of named) if (!there.has(held.id)) skip(batch, item, 'reaction', 'the message was deleted');
  await insertReactions(
    batch,
    named.filter(({ held }) => there.has(held.id)).map(({ item, held }) => ({ ...item.record, message: held, item })),
  );
}
