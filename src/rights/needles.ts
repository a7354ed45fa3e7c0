import { place } from '../data/place.ts';
import { normalise } from '../keys/blind-index.ts';
import { createSubjectKeys, destroySubjectKeys, subjectKeys } from '../keys/keyring.ts';
import { seal, unsealText } from '../keys/sealed-value.ts';
import type { Session } from '../scope/in-scope.ts';

/** Something that the erased was known by. ID is the UUID that Habeas gave; evidence may go on naming that one. */
export interface Needle {
  kind: string;
  value: string;
}

/** What the scan looks for, kept sealed under a key of the request's own until then, and destroyed after it. */
export interface Needles {
  needles: Needle[];
  /** For the deep form: the conversations the person took part in. */
  conversations: string[];
  /** Of a conversation that is long in going: whose export files may hold it until it is gone. */
  people?: string[];
}

/** Too short, or a short number: it would be found everywhere and say nothing. */
// In scripts other than Latin two characters are a whole name.
const distinctive = (value: string): boolean =>
  value.length >= (/^[\p{Script=Latin}\p{Script=Common}]*$/u.test(value) ? 3 : 2) && !/^\d{1,5}$/.test(value);

export function distinctNeedles(needles: readonly Needle[]): Needle[] {
  const found = needles.map(({ kind, value }) => ({ kind, value: value.trim() })).filter(({ value }) => distinctive(value));
  return [...new Map(found.map((needle) => [needle.value, needle])).values()];
}

export async function keepNeedles(
  { db, scope, system }: Session,
  requestId: string,
  appId: string | null,
  needles: Needles,
): Promise<void> {
  const key = (await createSubjectKeys(system.keys, db, scope.tenantId, [{ id: requestId, appId }])).get(requestId)!;
  await db.query('update requests set needles = $3 where tenant_id = $1 and id = $2', [
    scope.tenantId,
    requestId,
    seal(key, place(scope.tenantId, requestId, 'requests.needles', requestId), JSON.stringify(needles)),
  ]);
}

/** Undefined where their key is gone: with the app or the tenant, which was erased meanwhile. */
export async function openNeedles({ db, scope, system }: Session, requestId: string): Promise<Needles | undefined> {
  const [row] = (await db.query('select needles from requests where tenant_id = $1 and id = $2', [
    scope.tenantId,
    requestId,
  ])) as { needles: Buffer | null }[];
  const key = (await subjectKeys(system.keys, db, scope.tenantId, [requestId])).get(requestId);
  return row?.needles && key
    ? (JSON.parse(unsealText(key, place(scope.tenantId, requestId, 'requests.needles', requestId), row.needles)) as Needles)
    : undefined;
}

export async function destroyNeedles({ db, scope, system }: Session, requestId: string): Promise<void> {
  await db.query('update requests set needles = null where tenant_id = $1 and id = $2', [scope.tenantId, requestId]);
  await destroySubjectKeys(system.keys, db, scope.tenantId, [requestId]);
}

/** The spellings a value may have been stored in: as it is, as it is compared, in lower case, inside JSON and inside a URL. */
function spellings({ kind, value }: Needle): string[] {
  const forms = [value, normalise(kind, value), value.toLowerCase()];
  if (kind === 'PHONE' || kind === 'WHATSAPP') forms.push(normalise('PHONE', value).replace(/^\+/, ''));
  return [
    ...new Set(forms.flatMap((form) => [form, JSON.stringify(form).slice(1, -1), encodeURIComponent(form.toWellFormed())])),
  ].filter(distinctive);
}

/**
 * A PostgreSQL regular expression that finds a value as a word of its own: Mark, but not Market. Case counts, since the words that tables are
 * full of (TEXT, admin) are names too. Only ASCII ends are bounded: what else is a letter depends on the database's locale.
 */
function patternOf(spelling: string): string {
  const escaped = spelling.replaceAll(/[^\p{L}\p{N}\s]/gu, (character) => `\\${character}`);
  return `${/^[A-Za-z0-9]/.test(spelling) ? '\\m' : ''}${escaped}${/[A-Za-z0-9]$/.test(spelling) ? '\\M' : ''}`;
}

/**
 * As many spellings as one expression may hold: the time PostgreSQL takes to compile it grows with the square of them (100 tickets take a second,
 * 1,000 minutes), and beyond some ten thousand it refuses. Most people are known by fewer.
 */
const IN_ONE_EXPRESSION = 128;

/** What stands between words: ASCII without letters and digits. Both sides split by it, so a word is the same here and in PostgreSQL. */
export const BETWEEN_WORDS = '[\\u0001-\\u002f\\u003a-\\u0040\\u005b-\\u0060\\u007b-\\u007f]+';

/** A spelling beyond those: `word` is one that a text must hold as such before it is worth matching the pattern. */
interface RareNeedle {
  kind: string;
  word: string;
  pattern: string;
}

/** Needles made ready for a scan, once for all tables. */
export interface Sought {
  ids: readonly string[];
  /** One pattern a kind. */
  patterns: ReadonlyMap<string, string>;
  /** Of everything that those patterns hold, what finds it in the middle of anything by LIKE. */
  likes: readonly string[];
  /** Of somebody who is known by very much, what those patterns do not hold. */
  rare: readonly RareNeedle[];
  bytes: readonly Buffer[];
}

interface Spelt {
  kind: string;
  spelling: string;
  words: string[];
}

export function sought(needles: readonly Needle[]): Sought {
  const between = new RegExp(BETWEEN_WORDS);
  const all = needles.flatMap((needle) =>
    spellings(needle).map((spelling) => ({ kind: needle.kind, spelling, words: spelling.split(between).filter(Boolean) })),
  );
  const worded = all.filter(({ words }) => words.length);
  const patterns = new Map<string, string>();
  const held = [...all.filter(({ words }) => !words.length), ...worded.slice(0, IN_ONE_EXPRESSION)];
  for (const { kind, spelling } of held) patterns.set(kind, [patterns.get(kind), patternOf(spelling)].filter(Boolean).join('|'));
  const ids = needles.filter(({ kind }) => kind === 'ID').map(({ value }) => value);
  const likes = held.map(({ spelling }) => likeAnywhere(spelling));
  return { ids, patterns, likes, rare: rareOf(worded.slice(IN_ONE_EXPRESSION)), bytes: rawNeedles(needles) };
}

/** Of each spelling the word that fewest others have: the number of a ticket, not the address before it. */
function rareOf(spelt: readonly Spelt[]): RareNeedle[] {
  const uses = new Map<string, number>();
  for (const { words } of spelt) for (const word of words) uses.set(word, (uses.get(word) ?? 0) + 1);
  return spelt.map(({ kind, spelling, words }) => {
    const word = words.reduce((rarest, other) => (uses.get(other)! < uses.get(rarest)! ? other : rarest));
    return { kind, word, pattern: patternOf(spelling) };
  });
}

/** Each is looked for at every byte of everything sealed: what wrote one of somebody's thousand tickets in clear wrote others, too. */
const IN_BYTES = 256;

/** The values as bytes, to be looked for in what is sealed or hashed: the first of them. Shorter ones stand in ciphertext by chance. */
export const rawNeedles = (needles: readonly Needle[]): Buffer[] =>
  [...new Set(needles.flatMap(spellings))]
    .map((text) => Buffer.from(text, 'utf8'))
    .filter((bytes) => bytes.length >= 6)
    .slice(0, IN_BYTES);

/** What finds a text in the middle of anything by LIKE. */
const likeAnywhere = (text: string): string => `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;

export const likeBytes = (bytes: Buffer): Buffer => Buffer.from(likeAnywhere(bytes.toString('latin1')), 'latin1');

/** Finds any of the values in people's own words, whatever their case, as words of their own. */
export function wordFinder(needles: readonly Needle[]): (text: string) => boolean {
  const values = needles
    .filter(({ kind }) => kind !== 'ID')
    .map(({ value }) => value.replaceAll(/[^\p{L}\p{N}\s]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`));
  if (!values.length) return () => false;
  const expression = new RegExp(`(?<![\\p{L}\\p{N}])(?:${values.join('|')})(?![\\p{L}\\p{N}])`, 'iu');
  return (text) => expression.test(text);
}
