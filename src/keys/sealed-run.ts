import { createCipheriv } from 'node:crypto';
import { addBlocks, BLOCKS, HASH_KEY, STATE, work } from './ghash.ts';
import { keyObject } from './key-object.ts';
import { NONCE, SEAL_BYTES, SealBroken, TAG, unseal, VERSION, type Place } from './sealed-value.ts';

/*
 * Opening many values under one key. A cipher of node:crypto takes four microseconds to make and use, whatever the length, and leaves garbage behind; that was half of the time of an
 * export. GCM (NIST SP 800-38D) is a key stream and a tag: the key stream of all values is drawn at once, by one cipher of node:crypto, as its encrypted
 * counters; the tags are checked by a GHASH of our own (decisions 17 and 22). Nothing is sealed here.
 */

const BLOCK = 16;
const WORDS = BLOCK / 4;
const ROW = 36;
/** Of longer values the length decides, and node's own is fast. */
const LONGEST = 1024;
/** One alone takes as long by node's own. */
const FEWEST = 2;

/** Values that stand in one column and are sealed by one key: where they lie, and the ids of their rows. */
export interface SealedRun {
  place: Omit<Place, 'row'>;
  bytes: Buffer;
  start: Int32Array;
  end: Int32Array;
  /** Writes the id of a row, 36 characters, and answers where it ends. */
  writeRow(index: number, into: Buffer, at: number): number;
}

/** Opens the values from one index to another, in their order; `put` is given each, good until it returns, and opens nothing itself. Throws SealBroken as `unseal` does. */
export function unsealRun(key: Buffer, run: SealedRun, from: number, to: number, put: (plain: Buffer) => void): void {
  const one = (index: number): Buffer => unseal(key, placeOf(run, index), run.bytes.subarray(run.start[index], run.end[index]));
  const prefix = Buffer.from(`${run.place.tenantId}\n${run.place.subjectId}\n${run.place.column}\n`);
  if (to - from < FEWEST || prefix.length > LONGEST) {
    for (let index = from; index < to; index += 1) put(one(index));
    return;
  }
  const stream = keyStream(key, run, from, to);
  const check = tagCheck(stream, run, prefix);
  try {
    for (let index = from, at = BLOCK; index < to; index += 1) {
      const blocks = blocksOf(run, index);
      put(blocks ? check(index, at / 4) : one(index));
      at += blocks * BLOCK;
    }
  } finally {
    work.fill(0, 0, BLOCKS + 3 * LONGEST);
  }
}

function placeOf(run: SealedRun, index: number): Place {
  const row = Buffer.alloc(ROW);
  run.writeRow(index, row, 0);
  return { ...run.place, row: row.toString('latin1') };
}

/** How many blocks of the key stream a value takes, that of its tag included; 0 where it is not opened with others. */
function blocksOf({ bytes, start, end }: SealedRun, index: number): number {
  const length = end[index]! - start[index]! - SEAL_BYTES;
  return bytes[start[index]!] !== VERSION || length < 0 || length > LONGEST ? 0 : 1 + Math.ceil(length / BLOCK);
}

/** The encrypted block of zeros, which is the hash key, and the encrypted counters of all values, one behind the other, each value's from 1 on (SP 800-38D, 7.1). */
function keyStream(key: Buffer, run: SealedRun, from: number, to: number): Int32Array {
  let blocks = 1;
  for (let index = from; index < to; index += 1) blocks += blocksOf(run, index);
  const counters = Buffer.allocUnsafeSlow(blocks * BLOCK).fill(0, 0, BLOCK);
  let at = BLOCK;
  for (let index = from; index < to; index += 1) {
    const nonce = run.start[index]! + 1;
    const most = blocksOf(run, index);
    for (let counter = 1; counter <= most; counter += 1, at += BLOCK) {
      for (let byte = 0; byte < NONCE; byte += 1) counters[at + byte] = run.bytes[nonce + byte]!;
      counters.writeUInt32BE(counter, at + NONCE);
    }
  }
  // In its place: words are read from an even offset.
  const cipher = createCipheriv('aes-256-ecb', keyObject(key), null).setAutoPadding(false);
  cipher.update(counters).copy(counters);
  return new Int32Array(counters.buffer);
}

const words = new Int32Array(work.buffer);
const state = words.subarray(STATE / 4, STATE / 4 + WORDS);

/** Checks the tag of a value, and answers its text. */
function tagCheck(stream: Int32Array, run: SealedRun, prefix: Buffer) {
  const { bytes, start, end } = run;
  const whole = prefix.length - (prefix.length % BLOCK);
  const row = BLOCKS + prefix.length - whole;
  // The place, the text, and the lengths of both, each from the beginning of a block.
  const text = Math.ceil((row + ROW) / BLOCK) * BLOCK;
  words.set(stream.subarray(0, WORDS), HASH_KEY / 4);
  // What the places of all rows begin with is hashed once.
  prefix.copy(work, BLOCKS);
  state.fill(0);
  if (whole) addBlocks(BLOCKS, BLOCKS + whole);
  const begun = state.slice();
  prefix.copy(work, BLOCKS, whole);
  const tag = new Int32Array(WORDS);
  const tagBytes = new Uint8Array(tag.buffer);
  return (index: number, at: number): Buffer => {
    work.fill(0, run.writeRow(index, work, row), text);
    const from = start[index]! + 1 + NONCE;
    const length = end[index]! - TAG - from;
    const lengths = text + Math.ceil(length / BLOCK) * BLOCK;
    for (let byte = 0; byte < length; byte += 1) work[text + byte] = bytes[from + byte]!;
    for (let byte = text + length; byte < lengths + BLOCK; byte += 1) work[byte] = 0;
    work.writeUInt32BE((prefix.length + ROW) * 8, lengths + 4);
    work.writeUInt32BE(length * 8, lengths + 12);
    state.set(begun);
    addBlocks(BLOCKS, lengths + BLOCK);
    for (let byte = 0; byte < TAG; byte += 1) tagBytes[byte] = bytes[from + length + byte]!;
    // In the same time wherever they differ.
    let differ = 0;
    for (let word = 0; word < WORDS; word += 1) differ |= state[word]! ^ tag[word]! ^ stream[at + word]!;
    if (differ) throw new SealBroken(placeOf(run, index));
    for (let word = text / 4, key = at + WORDS; word < lengths / 4; word += 1, key += 1) words[word]! ^= stream[key]!;
    return work.subarray(text, text + length);
  };
}
