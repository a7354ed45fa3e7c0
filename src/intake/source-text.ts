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

/** Whole lines of a file, the last of them perhaps without its line end; or one that is too long, of which nothing is kept. */
export interface Piece {
  content: Uint8Array<ArrayBuffer>;
  /** How much of the file it stands for. */
  bytes: number;
  isTooLong: boolean;
}

const LINE_FEED = 0x0a;
/** So many bytes are a piece, and what else came with them: a file's chunk is as large, and ends within a line. */
const PIECE_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 32 * 2 ** 20;
const strict = new TextDecoder('utf-8', { fatal: true });
const lenient = new TextDecoder('utf-8');

/** A file, piece by piece: memory is bounded by the longest line that is allowed. Where it cannot be read to its end, the lines before are told first. */
export async function* pieces(file: SourceFile, maxBytes = MAX_LINE_BYTES): AsyncGenerator<Piece> {
  let whole = new Gathered();
  let begun = new Gathered();
  // Of a line that is too long only the count goes on.
  let dropped = 0;
  try {
    for await (const chunk of (await file.open()) as AsyncIterable<Buffer>) {
      const from = dropped > 0 ? chunk.indexOf(LINE_FEED) + 1 : 0;
      if (dropped > 0) {
        dropped += from || chunk.length;
        if (from === 0) continue;
        yield { content: new Uint8Array(), bytes: dropped, isTooLong: true };
        dropped = 0;
      }
      const end = chunk.lastIndexOf(LINE_FEED) + 1;
      if (end > from) {
        whole.add(...begun.parts, chunk.subarray(from, end));
        begun = new Gathered();
      }
      begun.add(chunk.subarray(Math.max(from, end)));
      const isTooLong = begun.bytes > maxBytes;
      if (whole.bytes >= PIECE_BYTES || (whole.bytes > 0 && isTooLong)) {
        const piece = whole.piece();
        whole = new Gathered();
        yield piece;
      }
      if (!isTooLong) continue;
      dropped = begun.bytes;
      begun = new Gathered();
    }
  } catch (error) {
    if (whole.bytes > 0) yield whole.piece();
    throw error;
  }
  if (dropped > 0) yield { content: new Uint8Array(), bytes: dropped, isTooLong: true };
  whole.add(...begun.parts);
  if (whole.bytes > 0) yield whole.piece();
}

class Gathered {
  parts: Buffer[] = [];
  bytes = 0;

  add(...parts: Buffer[]): void {
    for (const part of parts) {
      this.parts.push(part);
      this.bytes += part.length;
    }
  }

  /** In memory of its own, so that it can be handed to another thread. */
  piece(): Piece {
    const content = new Uint8Array(this.bytes);
    let at = 0;
    for (const part of this.parts) {
      content.set(part, at);
      at += part.length;
    }
    return { content, bytes: this.bytes, isTooLong: false };
  }
}

/** The lines of a piece, counted from 1. */
export function* linesOf({ content, bytes, isTooLong }: Piece, maxBytes = MAX_LINE_BYTES): Generator<Line> {
  if (isTooLong) return yield { line: 1, text: '', bytes, flaw: 'TOO_LONG' };
  let line = 0;
  for (let from = 0, to = 0; from < content.length; from = to) {
    const found = content.indexOf(LINE_FEED, from);
    const end = found === -1 ? content.length : found;
    to = found === -1 ? end : end + 1;
    line += 1;
    if (end - from > maxBytes) yield { line, text: '', bytes: to - from, flaw: 'TOO_LONG' };
    else yield asLine(line, content.subarray(from, end), to - from);
  }
}

/** The lines of a file, one at a time. */
export async function* lines(file: SourceFile, maxBytes = MAX_LINE_BYTES): AsyncGenerator<Line> {
  let before = 0;
  for await (const piece of pieces(file, maxBytes)) {
    let last = 0;
    for (const line of linesOf(piece, maxBytes)) {
      last = line.line;
      yield { ...line, line: before + line.line };
    }
    before += last;
  }
}

function asLine(line: number, content: Uint8Array, bytes: number): Line {
  const { text, intact } = decode(content);
  const bare = text.endsWith('\r') ? text.slice(0, -1) : text;
  return intact ? { line, text: bare, bytes } : { line, text: bare, bytes, flaw: 'NOT_UTF8' };
}

/** Bytes as UTF-8, without a byte order mark; what is none stands as U+FFFD. */
export function decode(content: Uint8Array): { text: string; intact: boolean } {
  try {
    return { text: strict.decode(content), intact: true };
  } catch {
    return { text: lenient.decode(content), intact: false };
  }
}
