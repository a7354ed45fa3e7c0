import { Stringifier } from 'csv-stringify';
import type { CellPage, Cells } from './cells.ts';
import { textCells } from './cells.ts';
import { escapeCell } from './formula.ts';

// Handing on every row by itself takes five times as long once there is a deflater behind (DESIGN, section 12).
const GATHERED = 512 * 1024;
const SPARE = 64 * 1024;

/**
 * Writes pages of rows as CSV (RFC 4180: commas, CRLF, UTF-8, a header line), in chunks of about 512 kB; usable as a stage of a pipeline or by itself.
 * Cells are escaped against spreadsheet formulas (see formula.ts). Null is an empty cell, as the empty text is: where that matters, use the
 * JSON copy. `bom` starts the file with the mark by which Excel knows UTF-8.
 */
export function csvStream(
  columns: readonly string[],
  options: { bom?: boolean } = {},
): (pages: AsyncIterable<CellPage> | Iterable<CellPage>) => AsyncGenerator<Buffer> {
  return async function* toCsv(pages) {
    const lines = new Lines();
    if (options.bom) lines.bytes(BOM, 0, BOM.length);
    lines.line(
      columns.map((name) => textCells([name])),
      0,
    );
    for await (const page of pages)
      for (let row = 0; row < page.rows; row += 1) {
        lines.line(page.columns, row);
        if (lines.length >= GATHERED) yield lines.take();
      }
    if (lines.length) yield lines.take();
  };
}

const BOM = Buffer.from('\uFEFF');
const COMMA = 0x2c;
const QUOTE = 0x22;
const CR = 0x0d;
const LF = 0x0a;

/** By a byte of UTF-8 whether a cell that begins with it is no formula, and whether one that holds it is quoted. */
const HARMLESS = bytesIn('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
/** Most readers end a row at a line break of one character, too, and some split at semicolons and tabs. */
const QUOTED = bytesIn('",;\t\r\n');

function bytesIn(characters: string): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(characters.includes(String.fromCharCode(byte))));
}

/** Lines as bytes. */
class Lines {
  #into = Buffer.allocUnsafeSlow(GATHERED + SPARE);
  length = 0;

  line(columns: readonly Cells[], row: number): void {
    for (let index = 0; index < columns.length; index += 1) {
      const { bytes, start, end } = columns[index]!;
      const length = start[row]! < 0 ? 0 : end[row]! - start[row]!;
      // Twice for quotes that are doubled, and what stands around a cell.
      this.#reserve(2 * length + 8);
      if (index) this.#into[this.length++] = COMMA;
      if (length) this.#cell(bytes, start[row]!, end[row]!);
      // With one column an empty cell would be an empty line, which readers skip.
      else if (columns.length === 1) this.length += this.#into.write('""', this.length);
    }
    this.#into[this.length++] = CR;
    this.#into[this.length++] = LF;
  }

  #cell(bytes: Buffer, start: number, end: number): void {
    if (!HARMLESS[bytes[start]!]) return this.#odd(bytes.toString('utf8', start, end));
    const into = this.#into;
    let at = this.length;
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index]!;
      if (QUOTED[byte]) return this.#quoted(bytes, start, end);
      into[at++] = byte;
    }
    this.length = at;
  }

  #quoted(bytes: Buffer, start: number, end: number): void {
    const into = this.#into;
    let at = this.length;
    into[at++] = QUOTE;
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index]!;
      if (byte === QUOTE) into[at++] = QUOTE;
      into[at++] = byte;
    }
    into[at++] = QUOTE;
    this.length = at;
  }

  /** A cell that may be a formula: few, and nothing here knows what csv-stringify knows of them. */
  #odd(cell: string): void {
    const text = Buffer.from(stringified(escapeCell(cell)));
    this.bytes(text, 0, text.length);
  }

  bytes(bytes: Buffer, start: number, end: number): void {
    this.#reserve(end - start + 2);
    bytes.copy(this.#into, this.length, start, end);
    this.length += end - start;
  }

  #reserve(length: number): void {
    if (this.length + length <= this.#into.length) return;
    const more = Buffer.allocUnsafeSlow(this.length + length + SPARE);
    this.#into.copy(more, 0, 0, this.length);
    this.#into = more;
  }

  take(): Buffer {
    const taken = this.#into.subarray(0, this.length);
    this.#into = Buffer.allocUnsafeSlow(GATHERED + SPARE);
    this.length = 0;
    return taken;
  }
}

/** What is quoted by csv-stringify. `api` is what its types do not tell. */
export const QUOTING = { record_delimiter: '\r\n', quote_record_delimiter: true, quoted_match: /[;\t]/ };
const { api } = new Stringifier(QUOTING) as unknown as {
  api: { stringify(record: readonly string[]): [Error | undefined, string] };
};

function stringified(cell: string): string {
  const [error, text] = api.stringify([cell]);
  if (error) throw error;
  return text;
}
