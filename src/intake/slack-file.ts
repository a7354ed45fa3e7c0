import { withoutCredentials } from './link.ts';
import { asObjects, asText, isLoose, type Loose } from './loose.ts';
import type { RawRecord } from './records.ts';
import type { Tally } from './tally.ts';

type RawAttachment = NonNullable<Extract<RawRecord, { type: 'message' }>['attachments']>[number];

/** The files of a message: one `file` until about 2018, a list since. */
export const filesOf = (message: Loose): Loose[] => [
  ...(isLoose(message.file) ? [message.file] : []),
  ...asObjects(message.files),
];

/** Deleted, or hidden by the free plan: nothing but its id is left. */
export const isUnavailable = (file: Loose): boolean => file.mode === 'tombstone' || file.mode === 'hidden_by_limit';

/** An export holds links to files, never their content. */
export function toAttachment(file: Loose, id: string, author: string | undefined, tally: Tally): RawAttachment {
  const uploader = asText(file.user);
  const link = asText(file.url_private) ?? asText(file.url_private_download);
  const url = link === undefined ? undefined : withoutCredentials(link);
  if (url !== link) tally.add('credential in a link');
  const size = typeof file.size === 'number' && Number.isSafeInteger(file.size) && file.size >= 0 ? file.size : undefined;
  const fields = { name: asText(file.name) ?? asText(file.title), contentType: asText(file.mimetype), size, url };
  const present = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return { externalId: id, ...present, ...(uploader !== undefined && uploader !== author ? { uploader } : {}) };
}
