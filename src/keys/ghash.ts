/*
 * GHASH (NIST SP 800-38D, 6.4), the part of AES-GCM that makes the tag: blocks are added up and multiplied by the hash key in GF(2^128), by tables of what each
 * byte of a block adds to the product. A block is four words as they stand in memory, least significant byte first.
 */
const WORDS = 4;
const BYTES = 16;
const VALUES = 256;
/** x^128 = x^7 + x^2 + x + 1, in GCM's order of bits. */
const REDUCTION = 0xe1;

/** The product of each value of each byte of a block with the hash key: 64 kB, which take a quarter of a millisecond to make. */
function productsOf(hashKey: Uint8Array): Int32Array {
  const bytes = new Uint8Array(BYTES * VALUES * BYTES);
  const row = (byte: number, value: number): Uint8Array =>
    bytes.subarray((byte * VALUES + value) * BYTES, (byte * VALUES + value + 1) * BYTES);
  const multiple = Uint8Array.from(hashKey);
  for (let bit = 0; bit < 8 * BYTES; bit += 1) {
    row(bit >>> 3, 0x80 >>> (bit & 7)).set(multiple);
    timesX(multiple);
  }
  for (let byte = 0; byte < BYTES; byte += 1)
    for (let value = 1; value < VALUES; value += 1) {
      const last = value & -value;
      if (last === value) continue;
      const [sum, one, rest] = [row(byte, value), row(byte, last), row(byte, value ^ last)];
      for (let index = 0; index < BYTES; index += 1) sum[index] = one[index]! ^ rest[index]!;
    }
  return new Int32Array(bytes.buffer);
}

function timesX(block: Uint8Array): void {
  let carry = 0;
  for (let index = 0; index < BYTES; index += 1) {
    const byte = block[index]!;
    block[index] = (byte >>> 1) | (carry << 7);
    carry = byte & 1;
  }
  if (carry) block[0]! ^= REDUCTION;
}

export class Ghash {
  readonly #products: Int32Array;
  #s0 = 0;
  #s1 = 0;
  #s2 = 0;
  #s3 = 0;

  /** The hash key: the encrypted block of zeros. */
  constructor(hashKey: Uint8Array) {
    this.#products = productsOf(hashKey);
  }

  /** Goes on from a state; from zeros a hash begins. */
  from(state: Int32Array): void {
    this.#s0 = state[0]!;
    this.#s1 = state[1]!;
    this.#s2 = state[2]!;
    this.#s3 = state[3]!;
  }

  state(): Int32Array {
    return Int32Array.of(this.#s0, this.#s1, this.#s2, this.#s3);
  }

  /** Whether `tag`, without its `mask`, is the state; found out in the same time wherever they differ. */
  is(tag: Int32Array, mask: Int32Array, at: number): boolean {
    return (
      ((this.#s0 ^ tag[0]! ^ mask[at]!) |
        (this.#s1 ^ tag[1]! ^ mask[at + 1]!) |
        (this.#s2 ^ tag[2]! ^ mask[at + 2]!) |
        (this.#s3 ^ tag[3]! ^ mask[at + 3]!)) ===
      0
    );
  }

  /** Hashes the blocks before the word `to`. Written out: in a loop over the bytes it took three times as long. */
  add(blocks: Int32Array, to: number): void {
    const table = this.#products;
    let s0 = this.#s0;
    let s1 = this.#s1;
    let s2 = this.#s2;
    let s3 = this.#s3;
    for (let at = 0; at < to; at += WORDS) {
      const b0 = s0 ^ blocks[at]!;
      const b1 = s1 ^ blocks[at + 1]!;
      const b2 = s2 ^ blocks[at + 2]!;
      const b3 = s3 ^ blocks[at + 3]!;
      const p0 = (b0 & 255) << 2;
      const p1 = (256 | ((b0 >>> 8) & 255)) << 2;
      const p2 = (512 | ((b0 >>> 16) & 255)) << 2;
      const p3 = (768 | (b0 >>> 24)) << 2;
      const p4 = (1024 | (b1 & 255)) << 2;
      const p5 = (1280 | ((b1 >>> 8) & 255)) << 2;
      const p6 = (1536 | ((b1 >>> 16) & 255)) << 2;
      const p7 = (1792 | (b1 >>> 24)) << 2;
      const p8 = (2048 | (b2 & 255)) << 2;
      const p9 = (2304 | ((b2 >>> 8) & 255)) << 2;
      const pa = (2560 | ((b2 >>> 16) & 255)) << 2;
      const pb = (2816 | (b2 >>> 24)) << 2;
      const pc = (3072 | (b3 & 255)) << 2;
      const pd = (3328 | ((b3 >>> 8) & 255)) << 2;
      const pe = (3584 | ((b3 >>> 16) & 255)) << 2;
      const pf = (3840 | (b3 >>> 24)) << 2;
      s0 = sum(table, 0, p0, p1, p2, p3, p4, p5, p6, p7) ^ sum(table, 0, p8, p9, pa, pb, pc, pd, pe, pf);
      s1 = sum(table, 1, p0, p1, p2, p3, p4, p5, p6, p7) ^ sum(table, 1, p8, p9, pa, pb, pc, pd, pe, pf);
      s2 = sum(table, 2, p0, p1, p2, p3, p4, p5, p6, p7) ^ sum(table, 2, p8, p9, pa, pb, pc, pd, pe, pf);
      s3 = sum(table, 3, p0, p1, p2, p3, p4, p5, p6, p7) ^ sum(table, 3, p8, p9, pa, pb, pc, pd, pe, pf);
    }
    this.#s0 = s0;
    this.#s1 = s1;
    this.#s2 = s2;
    this.#s3 = s3;
  }
}

/** The sum of one word of the products of eight bytes. */
const sum = (
  table: Int32Array,
  word: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
  g: number,
  h: number,
): number =>
  table[a + word]! ^
  table[b + word]! ^
  table[c + word]! ^
  table[d + word]! ^
  table[e + word]! ^
  table[f + word]! ^
  table[g + word]! ^
  table[h + word]!;
