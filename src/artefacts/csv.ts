import { Stringifier } from 'csv-stringify';
import { escapeCell } from './formula.ts';

/** A row: its cells in the columns' order. */
export type CsvRow = readonly unknown[];

// Handing on every row by itself takes five times as long once there is a deflater behind (DESIGN, section 12).
const GATHERED = 128 * 1024;
const SPARE = 64 * 1024;
const LONGEST_CHARACTER = 3;

/**
 * Writes pages of rows as CSV (RFC 4180: commas, CRLF, UTF-8, a header line), in chunks of about 128 kB; usable as a stage of a pipeline or by itself.
 * Cells are escaped against spreadsheet formulas (see formula.ts). Times become ISO 8601, objects and lists JSON, null and
 * undefined an empty cell, as the empty text does: where that matters, use the JSON copy. `bom` starts the file with the mark
 * by which Excel knows UTF-8.
 */
export function csvStream(
  columns: readonly string[],
  options: { bom?: boolean } = {},
): (pages: AsyncIterable<readonly CsvRow[]> | Iterable<readonly CsvRow[]>) => AsyncGenerator<Buffer> {
  // With one column an empty cell would be an empty line, which readers skip.
  const empty = columns.length === 1 ? '""' : '';
  return async function* toCsv(pages) {
    const gathered = new Gathering();
    gathered.add(`${options.bom ? '\uFEFF' : ''}${lineOf(columns, columns.length, empty)}`);
    for await (const rows of pages)
      for (const row of rows) {
        const chunk = gathered.add(lineOf(row, columns.length, empty));
        if (chunk) yield chunk;
      }
    const rest = gathered.take();
    if (rest.length > 0) yield rest;
  };
}

/** Text as bytes, in chunks. Line by line, as the one line with a letter beyond Latin-1 would make the slow case of a whole chunk. */
class Gathering {
  #bytes = Buffer.allocUnsafeSlow(GATHERED + SPARE);
  #length = 0;

  /** Answers a chunk once there is enough of it. */
  add(text: string): Buffer | undefined {
    if (text.length * LONGEST_CHARACTER > this.#bytes.length - this.#length) return this.take(Buffer.from(text));
    this.#length += this.#bytes.write(text, this.#length);
    return this.#length < GATHERED ? undefined : this.take();
  }

  take(more?: Buffer): Buffer {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafeSlow(GATHERED + SPARE);
    this.#length = 0;
    return more ? Buffer.concat([bytes, more]) : bytes;
  }
}

function lineOf(row: CsvRow, columns: number, empty: string): string {
  let line = '';
  for (let index = 0; index < columns; index += 1) line += `${index ? ',' : ''}${cellOf(row[index]) || empty}`;
  return `${line}\r\n`;
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return PLAIN.test(value) ? value : quoted(escapeCell(value));
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object') return quoted(escapeCell(JSON.stringify(value)));
  return String(value as number | bigint | boolean);
}

/** Neither to be escaped nor quoted: most cells. csv-stringify, asked for each of them, took an eighth of the time of an export. */
const PLAIN = /^[0-9A-Za-z][^",;\t\r\n]*$/;

/** Of cells that a reader may take apart: most end a row at a line break of one character, too, and some split at semicolons and tabs. `api` is what its types do not tell. */
export const QUOTING = { record_delimiter: '\r\n', quote_record_delimiter: true, quoted_match: /[;\t]/ };
const { api } = new Stringifier(QUOTING) as unknown as {
  api: { stringify(record: readonly string[]): [Error | undefined, string] };
};

function quoted(cell: string): string {
  const [error, text] = api.stringify([cell]);
  if (error) throw error;
  return text;
}
