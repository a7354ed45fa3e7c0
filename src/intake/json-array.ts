import { Refusal } from '../errors.ts';
import { parseBounded } from './bounded-json.ts';
import { jsonErrorOffset } from './json-position.ts';
import { decode } from './source-text.ts';
import type { SourceFile } from './source.ts';

/** An element of a list; `intact` is false where bytes that are no UTF-8 were read as U+FFFD. */
export interface ArrayElement {
  item: number;
  value: unknown;
  intact: boolean;
}

const MAX_ELEMENT = 16 * 2 ** 20;
const [LINE_FEED, QUOTE, COMMA, BACKSLASH] = [0x0a, 0x22, 0x2c, 0x5c];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Where the element that is being read begins, both from 1. */
interface Place {
  line: number;
  column: number;
}

/**
 * The elements of the list that a JSON file is, one at a time: a file of any size takes the memory of its longest element. Where the file
 * stops being a list of JSON, a Refusal names line and column, and quotes nothing of its content. Elements are cut out as bytes,
 * at brackets and commas, which in UTF-8 are never a part of another character.
 */
export async function* jsonArray(file: SourceFile): AsyncGenerator<ArrayElement> {
  let state: 'before' | 'in' | 'after' = 'before';
  let held: Buffer[] = [];
  let heldBytes = 0;
  let [depth, quoted, escaped, item, first] = [0, false, false, 0, true];
  const place: Place = { line: 1, column: 1 };
  for await (const read of (await file.open()) as AsyncIterable<Buffer>) {
    const chunk = first && read.subarray(0, 3).equals(MARK) ? read.subarray(3) : read;
    first = false;
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (quoted) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) quoted = false;
      } else if (state !== 'in') {
        if (SPACES.has(byte)) continue;
        moveOver(place, [...held, chunk.subarray(from, at)]);
        if (state === 'after') throw malformed(file, place);
        if (byte !== OPEN_BRACKET) throw new Refusal('INVALID_INPUT', `${file.path} is not valid JSON, or not a list.`);
        place.column += 1;
        [state, held, heldBytes, from] = ['in', [], 0, at + 1];
      } else if (byte === QUOTE) quoted = true;
      else if (depth === 0 && (byte === COMMA || byte === CLOSE_BRACKET)) {
        const parts = [...held, chunk.subarray(from, at)];
        const element = parsed(file, parts, place, item, byte === CLOSE_BRACKET);
        if (element) yield element;
        item += 1;
        moveOver(place, parts);
        place.column += 1;
        [held, heldBytes, from] = [[], 0, at + 1];
        if (byte === CLOSE_BRACKET) state = 'after';
      } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) depth += 1;
      else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth -= 1;
    }
    held.push(chunk.subarray(from));
    heldBytes += chunk.length - from;
    if (heldBytes > MAX_ELEMENT)
      throw new Refusal('INVALID_INPUT', `${file.path}: element ${item + 1} is longer than ${MAX_ELEMENT} bytes.`);
  }
  if (state === 'before') throw malformed(file, place);
  if (state === 'in') throw faultIn(file, decode(Buffer.concat(held)).text, place);
}

/** One element, or none where an empty list ends. */
function parsed(file: SourceFile, parts: Buffer[], place: Place, before: number, last: boolean): ArrayElement | undefined {
  const { text, intact } = decode(Buffer.concat(parts));
  if (last && before === 0 && text.trim() === '') return undefined;
  const read = parseBounded(text);
  if ('value' in read) return { item: before + 1, value: read.value, intact };
  if (read.malformed) throw faultIn(file, text, place);
  throw new Refusal('INVALID_INPUT', `${file.path}: element ${before + 1} cannot be read: ${read.fault}.`);
}

// The parser's own message quotes the text around the fault, which may be somebody's words.
function faultIn(file: SourceFile, text: string, place: Place): Refusal {
  const before = text.slice(0, jsonErrorOffset(text));
  const feeds = before.split('\n').length - 1;
  const column = feeds === 0 ? place.column + before.length : before.length - before.lastIndexOf('\n');
  return malformed(file, { line: place.line + feeds, column });
}

const malformed = (file: SourceFile, { line, column }: Place): Refusal =>
  new Refusal('INVALID_INPUT', `${file.path} is not valid JSON at line ${line}, column ${column}.`);

/** Columns count characters, as editors do; decoding what hardly ever matters would take as long as reading the file. */
function moveOver(place: Place, parts: readonly Buffer[]): void {
  for (const part of parts) {
    let after = 0;
    for (let feed = part.indexOf(LINE_FEED); feed !== -1; feed = part.indexOf(LINE_FEED, after)) {
      place.line += 1;
      place.column = 1;
      after = feed + 1;
    }
    for (let at = after; at < part.length; at += 1) if ((part[at]! & 0xc0) !== 0x80) place.column += 1;
  }
}
