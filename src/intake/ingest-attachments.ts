import type { Readable } from 'node:stream';
import { meter } from '../artefacts/meter.ts';
import { sealStream } from '../artefacts/sealed-stream.ts';
import { attachmentContext, attachmentKey } from '../data/attachment/attachment.content.ts';
import { place } from '../data/place.ts';
import { uuidv7 } from '../database/uuid.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { seal } from '../keys/sealed-value.ts';
import { columns, count, ERASED_REASON, isGone, skip, type Accepted, type Batch } from './batch.ts';

interface Row {
  id: string;
  subjectId: string | null;
  /** Whose key seals it: its subject's, or the conversation's where it has none. */
  ownerId: string;
  attachment: Accepted['record']['attachments'][number];
  message: Accepted;
}

/**
 * Takes attachments over, with their content where the source holds it. Whoever uploaded a file is its subject, but in a personal conversation
 * the customer is. The content is written, sealed, before the transaction commits: a crash in between leaves a file without a row, never a row
 * without its file.
 */
export async function ingestAttachments(batch: Batch, messages: readonly Accepted[]): Promise<void> {
  const rows = messages.flatMap((message) =>
    message.record.attachments.flatMap((attachment) => toRow(batch, message, attachment) ?? []),
  );
  if (!rows.length) return;
  const { db, scope, system } = batch.session;
  const keys = await subjectKeys(
    system.keys,
    db,
    scope.tenantId,
    rows.map((row) => row.ownerId),
  );
  const made = (await db.query(
    `insert into attachments (tenant_id, app_id, id, message_id, conversation_id, subject_id, external_id, name, url, content_type, size, sha256, created_at)
     select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::bytea[], $9::bytea[], $10::text[], $11::bigint[], $12::text[], $13::timestamptz[])
     on conflict (tenant_id, message_id, external_id) do nothing returning id`,
    columns(batch, rows, (row) => {
      const { attachment, message } = row;
      const sealed = (column: 'attachments.name' | 'attachments.url', text: string | undefined): Buffer | null =>
        text === undefined ? null : seal(keys.get(row.ownerId)!, place(scope.tenantId, row.ownerId, column, row.id), text);
      return [
        row.id,
        message.id,
        message.conversationId,
        row.subjectId,
        attachment.externalId,
        sealed('attachments.name', attachment.name),
        sealed('attachments.url', attachment.url),
        attachment.contentType ?? null,
        attachment.size ?? null,
        attachment.sha256 ?? null,
        message.record.sentAt,
      ];
    }),
  )) as { id: string }[];
  await writeContents(batch, rows);
  count(batch, 'attachment', 'created', made.length);
  count(batch, 'attachment', 'unchanged', rows.length - made.length);
}

function toRow(batch: Batch, message: Accepted, attachment: Row['attachment']): Row | undefined {
  const refuse = (reason: string): undefined => skip(batch, message.item, 'attachment', reason);
  const uploader = attachment.uploader === undefined ? undefined : batch.users.get(attachment.uploader);
  if (attachment.uploader !== undefined && !uploader) return refuse('uploader: no user of this external id');
  if (isGone(uploader, message.record.sentAt)) return refuse(ERASED_REASON);
  const personal = batch.conversations.get(message.record.conversation)?.subjectId;
  const subjectId = personal ?? uploader?.id ?? message.subjectId;
  const id = uuidv7(Date.parse(message.record.sentAt));
  return { id, subjectId, ownerId: subjectId ?? message.conversationId, attachment, message };
}

/** Stores the contents that the source holds and the file store does not: those of new attachments, and of ones that came without. */
async function writeContents(batch: Batch, rows: readonly Row[]): Promise<void> {
  const offered = new Map<string, { row: Row; open: () => Promise<Readable> }>();
  for (const row of rows) {
    const open = row.message.item.content?.get(row.attachment.externalId);
    if (open) offered.set(`${row.message.id}/${row.attachment.externalId}`, { row, open });
  }
  if (!offered.size) return;
  const { db, scope, system } = batch.session;
  const lacking = (await db.query(
    `select id, message_id, external_id, coalesce(subject_id, conversation_id) as owner from attachments
     where tenant_id = $1 and message_id = any ($2) and not stored`,
    [scope.tenantId, [...new Set(rows.map((row) => row.message.id))]],
  )) as { id: string; message_id: string; external_id: string; owner: string }[];
  const keys = await subjectKeys(
    system.keys,
    db,
    scope.tenantId,
    lacking.map((one) => one.owner),
  );
  for (const one of lacking) {
    const offer = offered.get(`${one.message_id}/${one.external_id}`);
    const key = keys.get(one.owner);
    if (offer && key) await writeContent(batch, one.id, key, offer.row, offer.open);
  }
}

async function writeContent(batch: Batch, id: string, key: Buffer, row: Row, open: () => Promise<Readable>): Promise<void> {
  const { db, scope, system } = batch.session;
  const name = attachmentKey(scope.tenantId, id);
  const { through, measure } = meter();
  const sealed = sealStream(key, attachmentContext(scope.tenantId, id));
  let damaged = false;
  const fail = (error: Error): void => {
    damaged = true;
    through.destroy(error);
  };
  through.on('error', (error) => sealed.destroy(error));
  batch.written.push(name);
  try {
    const source = await open().catch((error: Error) => {
      damaged = true;
      throw error;
    });
    source.on('error', fail);
    await system.files.write(name, source.pipe(through).pipe(sealed));
  } catch (error) {
    if (!damaged) throw error;
    // One file of an export that cannot be read is no reason to refuse everything else in it.
    return skip(batch, row.message.item, 'attachment content', 'it cannot be read; the attachment is held without it');
  }
  const { size, sha256 } = measure();
  const { attachment } = row;
  if (attachment.sha256 !== undefined && attachment.sha256 !== sha256) {
    await system.files.remove(name);
    return skip(
      batch,
      row.message.item,
      'attachment content',
      'it does not have the SHA-256 it was announced with; the attachment is held without it',
    );
  }
  await db.query('update attachments set stored = true, size = $3, sha256 = $4 where tenant_id = $1 and id = $2', [
    scope.tenantId,
    id,
    size,
    sha256,
  ]);
}
