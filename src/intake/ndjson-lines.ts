import { parseBounded } from './bounded-json.ts';
import { jsonErrorOffset } from './json-position.ts';
import { asText, isLoose } from './loose.ts';
import { headerSchema } from './ndjson-schema.ts';
import { parseRecord } from './parse-record.ts';
import { recordSchema, type IntakeRecord } from './records.ts';
import { linesOf, type Line, type Piece } from './source-text.ts';

/** What one line says; `line` counts from 1 in its piece. It survives JSON unchanged. */
export type Said = { line: number } & (
  | { kind: 'record'; record: IntakeRecord }
  | { kind: 'warning'; message: string }
  | { kind: 'skipped'; what: string; reason: string }
  /** `isKnown`: of a schema that this version reads. */
  | { kind: 'header'; isKnown: boolean }
);

export interface ReadPiece {
  /** Empty ones included. */
  lines: number;
  said: Said[];
}

const TYPES: ReadonlySet<string> = new Set(recordSchema.options.map((option) => option.shape.type.value));

/** Reads the lines of a piece, each for itself: it needs to know nothing else, so any thread can do it. */
export function readPiece(piece: Piece): ReadPiece {
  const read: ReadPiece = { lines: 0, said: [] };
  for (const line of linesOf(piece)) {
    read.lines = line.line;
    readLine(line, read.said);
  }
  return read;
}

function readLine({ line, text, flaw }: Line, said: Said[]): void {
  const skip = (what: string, reason: string): unknown => said.push({ line, kind: 'skipped', what, reason });
  const warn = (message: string): unknown => said.push({ line, kind: 'warning', message });
  if (flaw === 'TOO_LONG') return void skip('line', 'the line is longer than 32 MB');
  if (text.trim() === '') return;
  if (flaw === 'NOT_UTF8') warn('Bytes that are not UTF-8 were replaced by U+FFFD.');
  const read = parseBounded(text);
  if ('fault' in read)
    return void skip('line', read.malformed ? `${read.fault} at column ${jsonErrorOffset(text) + 1}` : read.fault);
  const raw = read.value;
  if (!isLoose(raw)) return void skip('line', 'not a JSON object');
  if (raw.type === 'header') return void said.push({ line, kind: 'header', isKnown: headerSchema.safeParse(raw).success });
  const parsed = parseRecord(raw);
  if ('problem' in parsed) {
    // An unknown type is not repeated: it could be anything.
    const type = asText(raw.type);
    return void skip(type !== undefined && TYPES.has(type) ? type : 'line', parsed.problem);
  }
  if (hasNul(text)) warn('A NUL character was replaced by U+FFFD.');
  said.push({ line, kind: 'record', record: parsed.record });
}

/** Whether a NUL is written in it. One expression for it would exhaust the stack on megabytes of backslashes. */
function hasNul(text: string): boolean {
  for (let at = text.indexOf('\\u0000'); at !== -1; at = text.indexOf('\\u0000', at + 1)) {
    let start = at;
    while (text[start - 1] === '\\') start -= 1;
    if ((at - start) % 2 === 0) return true;
  }
  return false;
}
