import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { attachmentSchema } from './records.ts';
import type { Source } from './source.ts';

type RawAttachment = z.input<typeof attachmentSchema>;

export interface Attached {
  attachments: RawAttachment[];
  content: Map<string, () => Promise<Readable>>;
  /** Links whose query was cut off: `ex=`, `is=` and `hm=` are a signature that opens the file. */
  stripped: number;
  /** Files that were exported along, but are not there. */
  missing: number;
}

const MOST_ATTACHMENTS = 1000;

/** The attachments of a message: links to Discord, or, where the export was made with its media, files beside the export file. */
export async function attached(
  source: Source,
  exportPath: string,
  messageId: string,
  links: { url: string; id?: string; name?: string | undefined; size?: number | undefined }[],
): Promise<Attached> {
  const result: Attached = { attachments: [], content: new Map(), stripped: 0, missing: 0 };
  // One more than a message may have is enough to have it refused, by name of the rule.
  for (const [index, { url: link, id, name, size }] of links.slice(0, MOST_ATTACHMENTS + 1).entries()) {
    const url = withoutCredentials(link);
    if (url && url !== link) result.stripped += 1;
    const wanted = id ?? /\/attachments\/\d+\/(\d+)\//.exec(url ?? '')?.[1] ?? `${messageId}-${index + 1}`;
    // One file may stand twice in a message; each has its place.
    const externalId = result.attachments.some((other) => other.externalId === wanted) ? `${wanted}-${index + 1}` : wanted;
    const file = url ? undefined : await beside(source, exportPath, link);
    if (file) result.content.set(externalId, () => file.open());
    else if (!url) result.missing += 1;
    result.attachments.push({
      externalId,
      name: (name ?? lastSegment(url ?? link)).slice(0, 1024),
      ...((size ?? file?.size) !== undefined && { size: size ?? file?.size }),
      ...(url && { url }),
    });
  }
  return result;
}

/** A link without query, fragment and password; undefined for what is no link to the web. */
export function withoutCredentials(link: string): string | undefined {
  if (!/^https?:\/\//i.test(link) || !URL.canParse(link)) return undefined;
  const url = new URL(link);
  if (!url.search && !url.hash && !url.username && !url.password) return link;
  url.search = '';
  url.hash = '';
  url.username = '';
  url.password = '';
  return url.href;
}

async function beside(source: Source, exportPath: string, link: string) {
  const path = decoded(link.replaceAll('\\', '/'));
  if (path.startsWith('/') || path.split('/').includes('..')) return undefined;
  // Only out of the folder that the exporter made for media: a link must not fetch another part of the export.
  if (!path.includes('/')) return undefined;
  return source.find(posix.join(posix.dirname(exportPath), path));
}

const lastSegment = (link: string): string => decoded(link.slice(link.lastIndexOf('/') + 1));

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
