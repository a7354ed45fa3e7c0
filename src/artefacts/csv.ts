import { stringify } from 'csv-stringify/sync';
import { escapeCell } from './formula.ts';

/** A row: its cells in the columns' order. */
export type CsvRow = readonly unknown[];

// Handing on every row by itself takes five times as long once there is a deflater behind (DESIGN, section 12).
const GATHERED = 128 * 1024;

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
  return async function* toCsv(pages) {
    let batch: string[][] = [columns.map(escapeCell)];
    let length = 0;
    let head = options.bom ? '\uFEFF' : '';
    const flush = (): Buffer => {
      const text = stringify(batch, {
        record_delimiter: '\r\n',
        // With one column an empty cell would be an empty line, which readers skip.
        quoted_empty: columns.length === 1,
      });
      const chunk = Buffer.from(head + text);
      [batch, length, head] = [[], 0, ''];
      return chunk;
    };
    for await (const rows of pages)
      for (const row of rows) {
        const cells = columns.map((_, index) => cellOf(row[index]));
        batch.push(cells);
        for (const cell of cells) length += cell.length + 1;
        if (length >= GATHERED) yield flush();
      }
    if (batch.length > 0) yield flush();
  };
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return escapeCell(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object') return escapeCell(JSON.stringify(value));
  return String(value as number | bigint | boolean);
}
