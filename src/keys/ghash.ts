import {
  and,
  chain,
  eachStep,
  FIRST_LOCAL,
  FROM,
  get,
  left,
  load,
  moduleOf,
  mul,
  or,
  right,
  rotate,
  set,
  store,
  word,
  xor,
  type Code,
} from './wasm-code.ts';

/*
 * GHASH (NIST SP 800-38D, 6.4), the part of AES-GCM that makes the tag: blocks are added up and multiplied by the hash key in GF(2^128). Without tables and
 * branches, in the same time whatever the blocks and the key, as BearSSL does it (Thomas Pornin, "Constant-Time Mul", ghash_ctmul64): polynomials are multiplied by multiplying
 * numbers in which three of four bits are left out, so that carries end where nothing stands; and as that gives the lower half of a product only, the upper one
 * is that of the numbers with their bits in reverse.
 */

const MASKS = [0x1111111111111111n, 0x2222222222222222n, 0x4444444444444444n, 0x8888888888888888n];

let locals = FIRST_LOCAL;
const local = (): number => locals++;
const sumOf = (...parts: Code[]): Code => parts.reduce(xor);

const scratch = local();
/** Exchanges each two neighbours of so many bits; `mask` has the lower ones. */
const exchange = (value: Code, bits: bigint, mask: bigint): Code => [
  ...set(scratch, value),
  ...or(and(right(get(scratch), bits), word(mask)), left(and(get(scratch), word(mask)), bits)),
];
/** The bytes of a word in reverse: GCM's words have the most significant first. */
const bytesReversed = (value: Code): Code =>
  rotate(exchange(exchange(value, 8n, 0x00ff00ff00ff00ffn), 16n, 0x0000ffff0000ffffn), 32n);
const bitsReversed = (value: Code): Code =>
  bytesReversed(exchange(exchange(exchange(value, 1n, 0x5555555555555555n), 2n, 0x3333333333333333n), 4n, 0x0f0f0f0f0f0f0f0fn));

const whole = local();
/** Puts a value into four locals, each with every fourth of its bits. */
const split = (value: Code, into: readonly number[]): Code => [
  ...set(whole, value),
  ...into.flatMap((part, index) => set(part, and(get(whole), word(MASKS[index]!)))),
];
const fourLocals = (): number[] => MASKS.map(local);
const factor = fourLocals();
/** The lower half of a product of polynomials, of a value and one that was split. */
const product = (value: Code, by: readonly number[]): Code => [
  ...split(value, factor),
  ...MASKS.map((mask, sum) =>
    and(sumOf(...factor.map((part, index) => mul(get(part), get(by[(sum - index + 4) % 4]!)))), word(mask)),
  ).reduce(or),
];

/** Where the state stands in memory, where the hash key, and from where on there is room for blocks. */
export const STATE = 0;
export const HASH_KEY = 16;
export const BLOCKS = 32;

/** A block is two words: the second holds the higher powers. Of two pairs of words the third factor is their sum (Karatsuba), and each has its reverse. */
const [key0, key1, y0, y1, r0, r1] = [local(), local(), local(), local(), local(), local()];
const [low, high, sum, lowR, highR, sumR] = [local(), local(), local(), local(), local(), local()];
const [v0, v1, v2, v3] = [local(), local(), local(), local()];
const keys = Array.from({ length: 6 }, fourLocals);

const begin: Code = [
  ...set(y1, bytesReversed(load(STATE))),
  ...set(y0, bytesReversed(load(STATE + 8))),
  ...set(key1, bytesReversed(load(HASH_KEY))),
  ...set(key0, bytesReversed(load(HASH_KEY + 8))),
  ...[get(key0), get(key1), xor(get(key0), get(key1))].flatMap((value, index) => [
    ...split(value, keys[index]!),
    ...split(bitsReversed(value), keys[index + 3]!),
  ]),
];

/** What stands at the lower powers of `from`, modulo x^128 + x^7 + x^2 + x + 1 in GCM's order of bits: it goes into the two words above. */
const reduce = (from: number, above: number, next: number): Code => [
  ...set(next, sumOf(get(next), get(from), right(get(from), 1n), right(get(from), 2n), right(get(from), 7n))),
  ...set(above, sumOf(get(above), left(get(from), 63n), left(get(from), 62n), left(get(from), 57n))),
];
const doubled = (value: number, below?: number): Code =>
  set(value, below === undefined ? left(get(value), 1n) : or(left(get(value), 1n), right(get(below), 63n)));

const addBlock = chain(
  set(y1, xor(get(y1), bytesReversed(load(0, FROM)))),
  set(y0, xor(get(y0), bytesReversed(load(8, FROM)))),
  set(r0, bitsReversed(get(y0))),
  set(r1, bitsReversed(get(y1))),
  set(low, product(get(y0), keys[0]!)),
  set(high, product(get(y1), keys[1]!)),
  set(sum, sumOf(product(xor(get(y0), get(y1)), keys[2]!), get(low), get(high))),
  set(lowR, product(get(r0), keys[3]!)),
  set(highR, product(get(r1), keys[4]!)),
  set(sumR, sumOf(product(xor(get(r0), get(r1)), keys[5]!), get(lowR), get(highR))),
  set(v0, get(low)),
  set(v1, xor(get(sum), right(bitsReversed(get(lowR)), 1n))),
  set(v2, xor(get(high), right(bitsReversed(get(sumR)), 1n))),
  set(v3, right(bitsReversed(get(highR)), 1n)),
  // The reversed product of 128 bits has 255: it stands one too low.
  doubled(v3, v2),
  doubled(v2, v1),
  doubled(v1, v0),
  doubled(v0),
  reduce(v0, v1, v2),
  reduce(v1, v2, v3),
  set(y0, get(v2)),
  set(y1, get(v3)),
);

const end: Code = [...store(STATE, bytesReversed(get(y1))), ...store(STATE + 8, bytesReversed(get(y0)))];
const bytes = moduleOf(locals - FIRST_LOCAL, [...begin, ...eachStep(16, addBlock), ...end]);

/** Node's types leave it out. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object) => { exports: unknown };
};
interface Hashing {
  memory: { buffer: ArrayBuffer };
  run: (from: number, to: number) => void;
}
const { memory, run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Hashing;

/** The memory in which is hashed. Whoever uses it begins and ends in one go, and leaves nothing in it. */
export const work = Buffer.from(memory.buffer);

/** Adds the blocks from one address to another, one at least, to the state. */
export const addBlocks = (from: number, to: number): void => run(from, to);
