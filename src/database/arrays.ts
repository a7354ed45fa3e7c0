import type { Db } from './db.ts';

/** A statement as pg takes it: its text, or that with a name to be prepared by and the form in which its rows come. */
export type Statement = string | { text: string; name?: string; values?: unknown[]; rowMode?: 'array' };

export const textOf = (statement: Statement): string => (typeof statement === 'string' ? statement : statement.text);

/**
 * Runs a statement whose rows come as arrays, in the order of the select list. For pages of many rows, of which an object each would only
 * be taken apart again.
 */
export async function queryArrays(db: Db, text: string, values: readonly unknown[]): Promise<unknown[][]> {
  const statement: Statement = { text, rowMode: 'array' };
  // TypeORM, which knows texts only, hands it to pg as it is.
  return (await db.query(statement as unknown as string, [...values])) as unknown[][];
}

export type ElementType = 'uuid' | 'bytea' | 'text' | 'timestamptz';

/** Object ids of the types of which an array is sent in binary. */
const OIDS = { uuid: 2950, bytea: 17 };
const NULL = -1;

/**
 * Many values as one parameter of type `type[]`: `uuid` and `bytea` in binary, the others as text. As pg writes arrays, the columns of a message took 17 us, a third of
 * it here; in this form 7.
 */
export function arrayOf(type: ElementType, values: readonly (string | Buffer | null)[]): string | Buffer {
  if (values.length === 0) return '{}';
  if (type === 'uuid') return binary(OIDS.uuid, values as readonly (string | null)[], () => UUID_BYTES, writeUuid);
  if (type === 'bytea') return binary(OIDS.bytea, values as readonly (Buffer | null)[], (value) => value.length, writeBytes);
  return `{${(values as readonly (string | null)[]).map(elementOf).join(',')}}`;
}

/** Needs no quotes in the text of an array (PostgreSQL's manual, "Array Input and Output Syntax"). */
const PLAIN = /^[\w.:+-]+$/;

function elementOf(text: string | null): string {
  if (text === null) return 'NULL';
  return PLAIN.test(text) && !/^null$/i.test(text) ? text : `"${text.replaceAll(/[\\"]/g, String.raw`\$&`)}"`;
}

/** As the server's array_recv reads it: dimensions, whether there are nulls, the type, how many elements from which index; each with its length. */
function binary<T>(
  oid: number,
  values: readonly (T | null)[],
  lengthOf: (value: T) => number,
  write: (value: T, into: Buffer, at: number) => void,
): Buffer {
  let bytes = 20;
  for (const value of values) bytes += 4 + (value === null ? 0 : lengthOf(value));
  const array = Buffer.allocUnsafe(bytes);
  for (const [index, word] of [1, 1, oid, values.length, 1].entries()) array.writeInt32BE(word, 4 * index);
  let at = 20;
  for (const value of values) {
    const length = value === null ? NULL : lengthOf(value);
    at = array.writeInt32BE(length, at);
    if (value === null) continue;
    write(value, array, at);
    at += length;
  }
  return array;
}

function writeBytes(value: Buffer, into: Buffer, at: number): void {
  into.set(value, at);
}

const UUID_BYTES = 16;
const HYPHEN = 0x2d;
/** By the code of a hexadecimal digit its value; any other character has 255, which is -1 in a byte. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase()));

/** Digit by digit: twice as fast as without its hyphens through Buffer's hex. */
function writeUuid(text: string, into: Buffer, at: number): void {
  let digits = 0;
  let high = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === HYPHEN) continue;
    const digit = DIGITS[code] ?? NaN;
    if (!(digit < 16) || digits === 2 * UUID_BYTES) throw new Error('Not a UUID');
    if (digits % 2 === 0) high = digit << 4;
    else into[at + (digits >> 1)] = high | digit;
    digits += 1;
  }
  if (digits !== 2 * UUID_BYTES) throw new Error('Not a UUID');
}
