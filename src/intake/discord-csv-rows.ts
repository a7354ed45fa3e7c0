import { Readable, pipeline } from 'node:stream';
import { parse, type CsvError } from 'csv-parse';
import { Refusal } from '../errors.ts';
import { lineFeeds } from './checked-event.ts';
import type { SourceFile } from './source.ts';

/** A row of a CSV file, or what is wrong with it. `line` is where it starts; `bytes` is how far the file has been read. */
export type Row = { line: number; bytes: number; cells: string[] } | { line: number; bytes: number; fault: string };

const MAX_ROW_BYTES = 16 * 2 ** 20;
/** So many faults without a row between them, and it is no CSV; they must not pile up. */
const MAX_FAULTS = 1000;

/**
 * Rows one at a time. The first line tells whether `;` (2019) or `,` (now) separates. A last row without a line end is a fault: where its last
 * cells were cut off nothing else would tell, and the whole row would be taken for the same when it comes.
 */
export async function* csvRows(file: SourceFile): AsyncGenerator<Row> {
  const source = await firstLine(file);
  let before: Row | undefined;
  for await (const row of parsedRows(file, source)) {
    if (before) yield before;
    before = row;
  }
  if (!before) return;
  if ('cells' in before && !source.endsLine()) {
    const { line, bytes } = before;
    yield { line, bytes, fault: 'The file ends in this row, without a line end: it may be cut short.' };
  } else yield before;
}

async function* parsedRows(file: SourceFile, { head, stream }: Source): AsyncGenerator<Row> {
  const faults: { line: number; fault: string }[] = [];
  const parser = parse({
    bom: true,
    delimiter: (/^[^\n]*/.exec(head)?.[0] ?? '').includes(';') ? ';' : ',',
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    // Counted, but no rows: the parser makes an error, with its stack, of each row of another length.
    skip_empty_lines: true,
    info: true,
    max_record_size: MAX_ROW_BYTES,
    skip_records_with_error: true,
    on_skip: (error) => {
      faults.push({ line: error ? lineOf(error) : 1, fault: faultOf(error, file) });
      if (faults.length <= MAX_FAULTS) return;
      throw new Refusal(
        'INVALID_INPUT',
        `${file.path}:${faults[0]!.line}: ${MAX_FAULTS} rows in a row cannot be read; is it CSV?`,
      );
    },
  });
  pipeline(stream, parser, () => undefined);
  let end = 0;
  let empty = 0;
  for await (const { info, record } of parser as AsyncIterable<{
    info: { lines: number; bytes: number; empty_lines: number };
    record: string[];
  }>) {
    while (faults[0] && faults[0].line < info.lines) {
      yield { ...faults.shift()!, bytes: info.bytes };
      // Lines inside what was lost are known to the parser only.
      end = Math.max(end, info.lines - 1 - lineFeeds(record.join('')));
    }
    const line = end + 1 + info.empty_lines - empty;
    empty = info.empty_lines;
    end = line;
    for (const cell of record) end += lineFeeds(cell);
    if (record.length > 1 || record[0] !== '') yield { line, bytes: info.bytes, cells: record };
  }
  for (const fault of faults) yield { ...fault, bytes: file.size };
}

const lineOf = (error: CsvError): number => Number((error as { lines?: unknown }).lines ?? 1);

function faultOf(error: CsvError | undefined, file: SourceFile): string {
  if (error?.code === 'CSV_MAX_RECORD_SIZE') {
    throw new Refusal(
      'INVALID_INPUT',
      `${file.path}:${lineOf(error)}: a row is longer than ${MAX_ROW_BYTES} bytes; is a quote not closed?`,
    );
  }
  return error?.code === 'CSV_QUOTE_NOT_CLOSED'
    ? 'A quote is not closed: the rest of the file is lost.'
    : 'The quotes do not match.';
}

interface Source {
  head: string;
  stream: Readable;
  /** Whether what was read so far ends with a line. */
  endsLine: () => boolean;
}

async function firstLine(file: SourceFile): Promise<Source> {
  const chunks = ((await file.open()) as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (!head.includes(0x0a) && head.length < 1 << 16) {
    const { value, done } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  let last: number | undefined;
  const whole = async function* () {
    last = head.at(-1);
    yield head;
    for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) {
      last = chunk.at(-1) ?? last;
      yield chunk;
    }
  };
  return {
    head: head.toString('utf8', 0, 1 << 16),
    stream: Readable.from(whole(), { objectMode: false }),
    endsLine: () => last === 0x0a,
  };
}
