const LONGEST = 200;
const LONGEST_EXTENSION = 20;
// What Windows refuses in a name, and characters that look like, or are folded to, a separator or a dot.
const FORBIDDEN = /[<>:"/\\|?*∕⁄／＼⧵⧸⧹․‥：]/gu;
// Control, format (right-to-left overrides, joiners, byte order marks), unpaired, private, unassigned and invisible characters.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const RESERVED = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)[ ]*(?:\.|$)/i;

/**
 * A file name that every system can hold and none misreads, made of whatever a person called a file: one path segment of at
 * most 200 bytes of UTF-8, in normal form C, without separators, control, invisible or direction characters, not hidden, not reserved
 * by Windows. A name that is already safe stays as it is.
 */
export function safeName(name: string): string {
  const seen = name.replace(/\s+/gu, ' ').replace(UNSEEN, '').normalize('NFC').replace(FORBIDDEN, '_').replace(/ {2,}/g, ' ');
  return shorten(
    trimEnd(seen)
      .trimStart()
      .replace(/^[.\-~]/, (first) => `_${first}`),
  );
}

function shorten(name: string, suffix = ''): string {
  const trimmed = trimEnd(name);
  const [stem, extension] = splitExtension(trimmed === '' ? 'unnamed' : trimmed);
  const guarded = RESERVED.test(stem + suffix + extension) ? `_${stem}` : stem;
  const kept = cut(guarded, LONGEST - Buffer.byteLength(suffix + extension));
  return trimEnd((suffix ? trimEnd(kept) : kept) + suffix + extension);
}

/**
 * Makes names that are safe and differ from each other, also where case and accents are folded: a function that answers each name
 * with a safe one it has not given before, numbering repetitions as in "report (2).pdf".
 */
export function uniqueNames(): (name: string) => string {
  const next = new Map<string, number>();
  return (name) => {
    const safe = safeName(name);
    let given = safe;
    let number = next.get(foldName(safe)) ?? 1;
    while (next.has(foldName(given))) {
      number += 1;
      given = shorten(safe, ` (${number})`);
    }
    next.set(foldName(safe), number);
    if (given !== safe) next.set(foldName(given), 1);
    return given;
  };
}

/** The form in which two names that some file system would take for one are equal. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}

/** Windows drops trailing dots and spaces, so two names could become one. */
const trimEnd = (name: string): string => name.replace(/[. ]+$/, '');

function splitExtension(name: string): [string, string] {
  const dot = name.lastIndexOf('.');
  const extension = name.slice(dot);
  return dot > 0 && Buffer.byteLength(extension) <= LONGEST_EXTENSION ? [name.slice(0, dot), extension] : [name, ''];
}

/** The longest beginning of at most so many bytes of UTF-8 that splits no character. */
function cut(name: string, bytes: number): string {
  if (Buffer.byteLength(name) <= bytes) return name;
  let kept = '';
  let size = 0;
  for (const character of name) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    kept += character;
  }
  return kept;
}
