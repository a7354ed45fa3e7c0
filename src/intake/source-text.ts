import type { SourceFile } from './source.ts';

export interface Line {
  /** From 1. */
  line: number;
  /** Without its line end and without a byte order mark; empty where the line is too long. */
  text: string;
  /** Bytes read, its line end included: adds up to the size of the file. */
  bytes: number;
  /** TOO_LONG: skip it. NOT_UTF8: what could not be read stands as U+FFFD in `text`; warn. */
  flaw?: 'TOO_LONG' | 'NOT_UTF8';
}

const LINE_FEED = 0x0a;
const strict = new TextDecoder('utf-8', { fatal: true });
const lenient = new TextDecoder('utf-8');

/** The lines of a file, one at a time: memory is bounded by the longest line that is allowed. */
export async function* lines(file: SourceFile, maxBytes = 32 * 2 ** 20): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let bytes = 0;
  let number = 0;
  for await (const chunk of (await file.open()) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      const part = chunk.subarray(from, end);
      number += 1;
      yield asLine(number, [...held, part], bytes + part.length, 1, maxBytes);
      held = [];
      bytes = 0;
      from = end + 1;
    }
    bytes += chunk.length - from;
    // Past the bound only the count goes on: the line will be reported as too long.
    if (bytes <= maxBytes) held.push(chunk.subarray(from));
    else held = [];
  }
  if (bytes > 0) yield asLine(number + 1, held, bytes, 0, maxBytes);
}

function asLine(line: number, parts: Buffer[], length: number, lineEnd: number, maxBytes: number): Line {
  const bytes = length + lineEnd;
  if (length > maxBytes) return { line, text: '', bytes, flaw: 'TOO_LONG' };
  const { text, intact } = decode(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));
  const bare = text.endsWith('\r') ? text.slice(0, -1) : text;
  return intact ? { line, text: bare, bytes } : { line, text: bare, bytes, flaw: 'NOT_UTF8' };
}

/** Bytes as UTF-8, without a byte order mark; what is none stands as U+FFFD. */
export function decode(buffer: Buffer): { text: string; intact: boolean } {
  try {
    return { text: strict.decode(buffer), intact: true };
  } catch {
    return { text: lenient.decode(buffer), intact: false };
  }
}
