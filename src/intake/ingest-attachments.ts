import { uuidv7 } from '../database/uuid.ts';
import { attachmentKey, attachmentContext } from '../data/attachment/attachment.content.ts';
import { place } from '../data/place.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { seal } from '../keys/sealed-value.ts';
import { meter } from '../artefacts/meter.ts';
import { sealStream } from '../artefacts/sealed-stream.ts';
import { count, ERASED_REASON, skip, type Batch } from './batch.ts';
import type { Accepted } from './ingest-messages.ts';
import { columns } from './ingest-users.ts';

interface Row {
  id: string;
  messageId: string;
  conversationId: string;
  ownerId: string;
  subjectId: string | null;
  attachment: Accepted['record']['attachments'][number];
  sentAt: string;
  message: Accepted;
  size: number | null;
  sha256: string | null;
  stored: boolean;
}

/**
 * Takes attachments over, with their content where the source holds it. Whoever uploaded a file is its subject, but in a personal conversation
 * the customer is. The content is written, sealed, before the row: a crash in between leaves a file that the sweep removes, never a row without one.
 */
export async function ingestAttachments(batch: Batch, messages: readonly Accepted[]): Promise<void> {
  const rows = messages.flatMap((message) => message.record.attachments.flatMap((attachment) => toRow(batch, message, attachment) ?? []));
  if (!rows.length) return;
  const { db, scope, system } = batch.session;
  const keys = await subjectKeys(system.keys, db, scope.tenantId, rows.map((row) => row.ownerId));
  const made = (await db.query(
    `insert into attachments (tenant_id, app_id, id, message_id, conversation_id, subject_id, external_id, name, url, content_type, size, sha256, created_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::bytea[], $9::bytea[], $10::text[], $11::bigint[], $12::text[], $13::timestamptz[])
     on conflict (tenant_id, message_id, external_id) do nothing returning id`,
    columns(batch, rows, (row) => {
      const key = keys.get(row.ownerId)!;
      const sealed = (column: 'attachments.name' | 'attachments.url', text: string | undefined): Buffer | null =>
        text === undefined ? null : seal(key, place(scope.tenantId, row.ownerId, column, row.id), text);
      const { attachment } = row;
      return [
        row.id,
        row.messageId,
        row.conversationId,
        row.subjectId,
        attachment.externalId,
        sealed('attachments.name', attachment.name),
        sealed('attachments.url', attachment.url),
        attachment.contentType ?? null,
        attachment.size ?? null,
        attachment.sha256 ?? null,
        row.sentAt,
      ];
    }),
  )) as { id: string }[];
  const created = new Set(made.map((row) => row.id));
  for (const row of rows) if (created.has(row.id)) await writeContent(batch, row, keys.get(row.ownerId)!);
  count(batch, 'attachment', 'created', created.size);
  count(batch, 'attachment', 'unchanged', rows.length - created.size);
}

function toRow(batch: Batch, message: Accepted, attachment: Row['attachment']): Row | undefined {
  const uploader = attachment.uploader === undefined ? undefined : batch.users.get(attachment.uploader);
  if (uploader?.erased) {
    skip(batch, message.item, 'attachment', ERASED_REASON);
    return undefined;
  }
  const personal = batch.conversations.get(message.record.conversation)?.subjectId;
  const subjectId = personal ?? uploader?.id ?? message.subjectId;
  return {
    id: uuidv7(Date.parse(message.record.sentAt)),
    messageId: message.id,
    conversationId: message.conversationId,
    subjectId,
    ownerId: subjectId ?? message.conversationId,
    attachment,
    sentAt: message.record.sentAt,
    message,
    size: null,
    sha256: null,
    stored: false,
  };
}

async function writeContent(batch: Batch, row: Row, key: Buffer): Promise<void> {
  const open = row.message.item.content?.get(row.attachment.externalId);
  if (!open) return;
  const { db, scope, system } = batch.session;
  const name = attachmentKey(scope.tenantId, row.id);
  const { through, measure } = meter();
  const source = await open();
  const sealed = sealStream(key, attachmentContext(scope.tenantId, row.id));
  source.on('error', (error) => through.destroy(error));
  through.on('error', (error) => sealed.destroy(error));
  batch.written.push(name);
  await system.files.write(name, source.pipe(through).pipe(sealed));
  const { size, sha256 } = measure();
  if (row.attachment.sha256 && row.attachment.sha256 !== sha256) throw new Error(`The content of attachment ${row.attachment.externalId} does not have the SHA-256 it was announced with.`);
  await db.query('update attachments set stored = true, size = $3, sha256 = $4 where tenant_id = $1 and id = $2', [scope.tenantId, row.id, size, sha256]);
}
