import { place } from '../../data/place.ts';
import { normalise } from '../../keys/blind-index.ts';
import { createSubjectKeys, destroySubjectKeys, subjectKeys } from '../../keys/keyring.ts';
import { seal, unsealText } from '../../keys/sealed-value.ts';
import type { Session } from '../../scope/in-scope.ts';

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

/** One pattern a kind. */
export function patterns(needles: readonly Needle[]): Map<string, string> {
  const found = new Map<string, string[]>();
  for (const needle of needles) found.set(needle.kind, [...(found.get(needle.kind) ?? []), ...spellings(needle).map(patternOf)]);
  return new Map([...found].map(([kind, all]) => [kind, all.join('|')]));
}

/** The values as bytes, to be looked for in what is sealed or hashed. Shorter ones stand in ciphertext by chance. */
export const rawNeedles = (needles: readonly Needle[]): Buffer[] =>
  [...new Set(needles.flatMap(spellings))].map((text) => Buffer.from(text, 'utf8')).filter((bytes) => bytes.length >= 6);

/** Finds any of the values in people's own words, whatever their case, as words of their own. */
export function wordFinder(needles: readonly Needle[]): (text: string) => boolean {
  const values = needles
    .filter(({ kind }) => kind !== 'ID')
    .map(({ value }) => value.replaceAll(/[^\p{L}\p{N}\s]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`));
  if (!values.length) return () => false;
  const expression = new RegExp(`(?<![\\p{L}\\p{N}])(?:${values.join('|')})(?![\\p{L}\\p{N}])`, 'iu');
  return (text) => expression.test(text);
}
