import { mentionedIds, storeMentions } from '../data/mention.ts';
import { place } from '../data/place.ts';
import { seal } from '../keys/sealed-value.ts';
import type { Batch } from './batch.ts';
import { insertMentions } from './ingest-marks.ts';

/** The id of whose key seals a message: its subject's, or its conversation's where nobody is known to have written it. */
export const sealingId = (row: { subjectId: string | null; conversationId: string }): string =>
  row.subjectId ?? row.conversationId;

/** Puts a new text in a message's place, and its mentions in place of the old ones. */
export async function writeEdit(
  batch: Batch,
  message: { id: string; subjectId: string | null; conversationId: string },
  edit: { body: string; mentions: readonly string[]; editedAt: string; metadata?: object },
  key: Buffer,
): Promise<void> {
  const { db, scope } = batch.session;
  const owner = sealingId(message);
  const body = storeMentions(edit.body, edit.mentions, (externalId) => batch.users.get(externalId)?.id);
  const metadata = edit.metadata && Object.keys(edit.metadata).length ? JSON.stringify(edit.metadata) : undefined;
  const [, written] = (await db.query(
    'update messages set body = $3, edited_at = $4, metadata = coalesce($5, metadata) where tenant_id = $1 and id = $2 and deleted_at is null',
    [
      scope.tenantId,
      message.id,
      seal(key, place(scope.tenantId, owner, 'messages.body', message.id), body),
      edit.editedAt,
      metadata === undefined ? null : seal(key, place(scope.tenantId, owner, 'messages.metadata', message.id), metadata),
    ],
  )) as [unknown[], number];
  // It was deleted in this batch.
  if (!written) return;
  const kept = new Set(mentionedIds(body));
  for (const name of edit.mentions) {
    const user = batch.users.get(name);
    if (user) kept.add(user.id);
  }
  await db.query('delete from mentions where tenant_id = $1 and message_id = $2 and not user_id = any ($3)', [
    scope.tenantId,
    message.id,
    [...kept],
  ]);
  await insertMentions(batch, [{ ...message, mentions: edit.mentions }]);
}
