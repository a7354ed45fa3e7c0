/**
 * The cells of a column of a page, as UTF-8: that of row n lies in `bytes` from `start[n]` to `end[n]`; null where `start[n]` is -1. As strings, cell
 * by cell, they would be most of an export's garbage. `json`: the cells are JSON (numbers, booleans, objects), not text.
 */
export interface Cells {
  bytes: Buffer;
  start: Int32Array;
  end: Int32Array;
  json?: boolean;
}

/** A page of rows: its cells, column by column. */
export interface CellPage {
  rows: number;
  columns: readonly Cells[];
}

export const cellText = ({ bytes, start, end }: Cells, row: number): string | null =>
  start[row]! < 0 ? null : bytes.toString('utf8', start[row], end[row]);

/** The JSON of a cell. */
export function cellJson(cells: Cells, row: number): string {
  const text = cellText(cells, row);
  return text === null ? 'null' : cells.json ? text : JSON.stringify(text);
}

/** Texts as cells. */
export function textCells(texts: readonly (string | null)[]): Cells {
  const writer = new CellWriter(
    texts.length,
    texts.reduce((sum, text) => sum + (text?.length ?? 0), 0),
  );
  for (const text of texts) writer.text(text);
  return writer.cells();
}

/** The same cells, but null in some rows. */
export const withoutCells = (cells: Cells, hidden: (row: number) => boolean): Cells => ({
  ...cells,
  start: cells.start.map((at, row) => (hidden(row) ? -1 : at)),
});

/** Writes a column cell by cell. */
export class CellWriter {
  #bytes: Buffer;
  #length = 0;
  #row = 0;
  readonly #start: Int32Array;
  readonly #end: Int32Array;

  /** `bytes`: how many it will be, as far as that is known. */
  constructor(rows: number, bytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
    this.#start = new Int32Array(rows).fill(-1);
    this.#end = new Int32Array(rows);
  }

  text(text: string | null): void {
    this.add(text === null ? null : Buffer.from(text));
  }

  add(bytes: Uint8Array | null): void {
    if (bytes) {
      const { buffer, at } = this.room(bytes.length);
      buffer.set(bytes, at);
    } else this.#row += 1;
  }

  /** A cell of so many bytes, for the caller to fill. */
  room(length: number): { buffer: Buffer; at: number } {
    const at = this.#length;
    if (at + length > this.#bytes.length) {
      const more = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, at + length));
      this.#bytes.copy(more, 0, 0, at);
      this.#bytes = more;
    }
    this.#length += length;
    this.#start[this.#row] = at;
    this.#end[this.#row] = this.#length;
    this.#row += 1;
    return { buffer: this.#bytes, at };
  }

  cells(json = false): Cells {
    return { bytes: this.#bytes.subarray(0, this.#length), start: this.#start, end: this.#end, ...(json && { json }) };
  }
}
