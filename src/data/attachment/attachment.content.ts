import type { Readable } from 'node:stream';
import type { FileStore } from '../../artefacts/file-store.ts';
import { openSealed } from '../../artefacts/sealed-stream.ts';

/** Where the content of an attachment lies in the file store. */
export const attachmentKey = (tenantId: string, id: string): string => `${tenantId}/attachments/${id}`;

/** What binds the sealed content to its attachment. */
export const attachmentContext = (tenantId: string, id: string): string => `${tenantId}\nattachments.content\n${id}`;

/** The content of a stored attachment in clear, `size` bytes in all, or the part of it that a range names. */
export async function readAttachment(
  files: FileStore,
  key: Buffer,
  attachment: { tenantId: string; id: string; size: number },
  range?: { start: number; end: number },
): Promise<Readable> {
  const file = await files.open(attachmentKey(attachment.tenantId, attachment.id));
  return openSealed(key, attachmentContext(attachment.tenantId, attachment.id), file, attachment.size, range);
}
