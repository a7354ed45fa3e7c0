/*
 * As much of the binary form of WebAssembly (Core Specification, 5) as takes a loop over blocks of memory, in which 64-bit words are calculated with: JavaScript
 * has none, and JavaScript's numbers tell by the time they take whether they are small. Code is bytes; an expression leaves its value on the stack.
 */
export type Code = readonly number[];

/** An unsigned number, seven bits a byte (LEB128). */
function unsigned(value: number): Code {
  const low = value & 0x7f;
  return value > low ? [low | 0x80, ...unsigned(value >>> 7)] : [low];
}

function signed(value: bigint): Code {
  const low = Number(value & 0x7fn);
  const rest = value >> 7n;
  return rest === (low & 0x40 ? -1n : 0n) ? [low] : [low | 0x80, ...signed(rest)];
}

const I64 = 0x7e;
const I32 = 0x7f;
const operation =
  (code: number) =>
  (a: Code, b: Code): Code => [...a, ...b, code];

export const and = operation(0x83);
export const or = operation(0x84);
export const xor = operation(0x85);
export const mul = operation(0x7e);
const shiftLeft = operation(0x86);
const shiftRight = operation(0x88);
const rotateLeft = operation(0x89);

export const word = (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))];
export const left = (a: Code, bits: bigint): Code => shiftLeft(a, word(bits));
export const right = (a: Code, bits: bigint): Code => shiftRight(a, word(bits));
export const rotate = (a: Code, bits: bigint): Code => rotateLeft(a, word(bits));

const number = (value: number): Code => [0x41, ...signed(BigInt(value))];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

/** One behind the other. */
export const chain = (...codes: Code[]): Code => codes.flat();

/** A word of memory, least significant byte first, at an address that is known beforehand, or so far behind a local. */
export const load = (offset: number, local?: number): Code =>
  chain(local === undefined ? number(0) : get(local), [0x29, 3], unsigned(offset));
export const store = (offset: number, value: Code): Code => chain(number(0), value, [0x37, 3], unsigned(offset));

/** The first and second parameter, and the first local besides. */
export const FROM = 0;
const TO = 1;
export const FIRST_LOCAL = 2;

/** Repeats code with FROM a step further each time, until it is TO; once at least. */
export const eachStep = (step: number, code: Code): Code =>
  chain([0x03, 0x40], code, set(FROM, [...get(FROM), ...number(step), 0x6a]), get(FROM), get(TO), [0x49, 0x0d, 0, 0x0b]);

const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
const name = (text: string): Code => [text.length, ...Buffer.from(text)];

/** A module of a memory of 64 kB and a function of the addresses FROM and TO, with so many words as locals. */
export function moduleOf(locals: number, code: Code): Uint8Array<ArrayBuffer> {
  const body = [1, ...unsigned(locals), I64, ...code, 0x0b];
  return Uint8Array.from(
    chain(
      [0, ...Buffer.from('asm'), 1, 0, 0, 0],
      section(1, [1, 0x60, 2, I32, I32, 0]),
      section(3, [1, 0]),
      section(5, [1, 0, 1]),
      section(7, [2, ...name('memory'), 2, 0, ...name('run'), 0, 0]),
      section(10, [1, ...unsigned(body.length), ...body]),
    ),
  );
}
