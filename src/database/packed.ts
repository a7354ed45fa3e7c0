import { queryArrays } from './arrays.ts';
import type { Db } from './db.ts';

/*
 * A page of rows as one row of the answer: each item of its select list is an array of all its values, in the binary form of `array_send`, in base64. A field of its own for
 * each cell, which the driver makes a string or a buffer of, took half of the time of an export.
 */

/** The types of columns that are known here, by their object ids. */
export const TYPES = {
  bool: 16,
  bytea: 17,
  bigint: 20,
  smallint: 21,
  integer: 23,
  text: 25,
  timestamptz: 1184,
  uuid: 2950,
} as const;

/** A column of a packed page. The value of row n lies in `bytes` from `start[n]` to `end[n]`, in its binary form; null where `start[n]` is -1. */
export interface PackedColumn {
  type: number;
  bytes: Buffer;
  start: Int32Array;
  end: Int32Array;
}

/** A page of rows by its columns, in the order of the select list. */
export interface PackedPage {
  rows: number;
  columns: PackedColumn[];
}

/** The SQL of a page of rows, packed. `page` selects the items by these names, in order: what is put together in one go keeps the order in which it came. */
export const packedSelect = (names: readonly string[], page: string): string =>
  `select ${names.map((name) => `encode(array_send(array_agg(${name})), 'base64')`).join(', ')} from (${page}) packed`;

/** Reads a page that `packedSelect` selects; undefined where it has no row. */
export async function queryPacked(db: Db, text: string, values: readonly unknown[]): Promise<PackedPage | undefined> {
  const [row] = (await queryArrays(db, text, values)) as [(string | null)[]];
  if (row.includes(null)) return undefined;
  const columns = row.map((array) => readArray(Buffer.from(array!, 'base64')));
  return { rows: columns[0]!.start.length, columns };
}

const HEADER = 20;

/** As array_send writes it: dimensions, whether there are nulls, the type, how many elements from which index; each with its length. */
function readArray(bytes: Buffer): PackedColumn {
  const rows = bytes.readInt32BE(12);
  const start = new Int32Array(rows);
  const end = new Int32Array(rows);
  for (let row = 0, at = HEADER; row < rows; row += 1) {
    const length = bytes.readInt32BE(at);
    at += 4;
    start[row] = length < 0 ? -1 : at;
    at += Math.max(length, 0);
    end[row] = at;
  }
  return { type: bytes.readInt32BE(8), bytes, start, end };
}

/** Those rows of a page alone, by their numbers. */
export function onlyRows(page: PackedPage, rows: readonly number[]): PackedPage {
  const pick = (from: Int32Array): Int32Array => Int32Array.from(rows, (row) => from[row]!);
  return {
    rows: rows.length,
    columns: page.columns.map((column) => ({ ...column, start: pick(column.start), end: pick(column.end) })),
  };
}

const HIGH = digits((byte) => byte >>> 4);
const LOW = digits((byte) => byte & 15);
const HYPHEN = 0x2d;

function digits(of: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => '0123456789abcdef'.charCodeAt(of(byte)));
}

export const UUID_LENGTH = 36;

/** Writes the text of a UUID, whose 16 bytes are given, and answers where it ends. */
export function writeUuidText(bytes: Buffer, at: number, into: Buffer, to: number): number {
  let end = to;
  for (let index = 0; index < 16; index += 1) {
    const byte = bytes[at + index]!;
    into[end] = HIGH[byte]!;
    into[end + 1] = LOW[byte]!;
    end += 2;
    if (index === 3 || index === 5 || index === 7 || index === 9) into[end++] = HYPHEN;
  }
  return end;
}

const written = Buffer.alloc(UUID_LENGTH);

export function uuidText(bytes: Buffer, at: number): string {
  writeUuidText(bytes, at, written, 0);
  return written.toString('latin1');
}

function sameUuid(bytes: Buffer, at: number, other: number): boolean {
  for (let index = 15; index >= 0; index -= 1) if (bytes[at + index] !== bytes[other + index]) return false;
  return true;
}

/** The ids of a column of them. Rows that follow one another with the same id share one string. */
export function uuidsOf({ type, bytes, start }: PackedColumn): (string | null)[] {
  if (type !== TYPES.uuid) throw new Error(`A column of type ${type} holds no ids.`);
  const ids: (string | null)[] = [];
  let last = -1;
  let id = '';
  for (const at of start) {
    if (at < 0) {
      ids.push(null);
      continue;
    }
    if (last < 0 || !sameUuid(bytes, at, last)) id = uuidText(bytes, at);
    last = at;
    ids.push(id);
  }
  return ids;
}
