/**
 * How a mention stands in a stored text: `<@` and the mentioned person's id and `>`. The name is put in when the text is read, so that it
 * follows a correction and goes with an erasure. A literal text of that form, typed by somebody, is kept apart by a backslash.
 */
const TOKEN = /<(\\*)@([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})>/g;

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** From the native form (`<@EXTERNAL_ID>` for each id in `mentions`) to the stored one. An id that `idOf` does not know stays text. */
export function storeMentions(
  body: string,
  mentions: readonly string[],
  idOf: (externalId: string) => string | undefined,
): string {
  if (!body.includes('<')) return body;
  // In one pass: an external id may itself have the form of ours, and what one mention became must not be taken for another.
  const known = new Map<string, string | undefined>(
    mentions.flatMap((externalId) => [[`<@${externalId}>`, idOf(externalId)] as const]).filter(([, id]) => id),
  );
  const pattern = new RegExp([...known.keys()].map(literal).concat(TOKEN.source).join('|'), 'g');
  return body.replaceAll(pattern, (found) => {
    const id = known.get(found);
    return id ? `<@${id}>` : `<\\${found.slice(1)}`;
  });
}

/** The ids that a stored text mentions. */
export function mentionedIds(stored: string): string[] {
  if (!stored.includes('@')) return [];
  return [...stored.matchAll(TOKEN)].filter(([, slashes]) => !slashes).map(([, , id]) => id!);
}

/** From the stored form to one that people read; `show` gives what stands for a person's id. */
export function renderMentions(stored: string, show: (id: string) => string): string {
  if (!stored.includes('@')) return stored;
  return stored.replaceAll(TOKEN, (_, slashes: string, id: string) => (slashes ? `<${slashes.slice(1)}@${id}>` : show(id)));
}

/** What stands where somebody who was erased was mentioned. */
export const ERASED_MENTION = '@erased user';
