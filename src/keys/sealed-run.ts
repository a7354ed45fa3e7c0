import { createCipheriv, type Cipheriv } from 'node:crypto';
import { endianness } from 'node:os';
import { Ghash } from './ghash.ts';
import { keyObject } from './key-object.ts';
import { NONCE, SEAL_BYTES, SealBroken, TAG, unseal, VERSION, type Place } from './sealed-value.ts';

/*
 * Opening many values under one key. A cipher of node:crypto takes four microseconds to make and use, whatever the length, and leaves garbage behind; that was half of the time of an
 * export. GCM (NIST SP 800-38D) is a key stream and a tag: the key stream of a page is drawn at once, by one cipher of node:crypto, as its encrypted
 * counters; the tags are checked by a GHASH of our own, whose table is made once a key (decision 0017). Nothing is sealed here.
 */

const BLOCK = 16;
const WORDS = BLOCK / 4;
const ROW = 36;
/** Of longer values the length decides, and node's own is fast. */
const LONGEST = 1024;
/** Fewer are not worth the table, which takes as long as some two hundred. */
const FEWEST = 250;

/** Values that stand in one column and are sealed by one key: where they lie, and the ids of their rows. */
export interface SealedRun {
  place: Omit<Place, 'row'>;
  bytes: Buffer;
  start: Int32Array;
  end: Int32Array;
  /** Writes the id of a row, 36 characters, and answers where it ends. */
  writeRow(index: number, into: Buffer, at: number): number;
}

interface Opener {
  cipher: Cipheriv;
  hash: Ghash;
}

/** They live no longer than the key that they were made from. */
const openers = new WeakMap<Buffer, Opener>();

function openerOf(key: Buffer): Opener {
  let opener = openers.get(key);
  if (!opener) {
    const cipher = createCipheriv('aes-256-ecb', keyObject(key), null).setAutoPadding(false);
    openers.set(key, (opener = { cipher, hash: new Ghash(cipher.update(Buffer.alloc(BLOCK))) }));
  }
  return opener;
}

/** Opens the values from one index to another, in their order; `put` is given each. Throws SealBroken as `unseal` does. */
export function unsealRun(key: Buffer, run: SealedRun, from: number, to: number, put: (plain: Uint8Array) => void): void {
  const one = (index: number): Buffer => unseal(key, placeOf(run, index), run.bytes.subarray(run.start[index], run.end[index]));
  if (to - from < FEWEST || endianness() !== 'LE') {
    for (let index = from; index < to; index += 1) put(one(index));
    return;
  }
  const { cipher, hash } = openerOf(key);
  const stream = keyStream(cipher, run, from, to);
  const check = tagCheck(hash, run);
  for (let index = from, at = 0; index < to; index += 1) {
    const blocks = blocksOf(run, index);
    put(blocks ? check(index, stream, at * WORDS) : one(index));
    at += blocks;
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

/** The encrypted counters of all values, one behind the other, each value's from 1 on (SP 800-38D, 7.1). */
function keyStream(cipher: Cipheriv, run: SealedRun, from: number, to: number): Int32Array {
  let blocks = 0;
  for (let index = from; index < to; index += 1) blocks += blocksOf(run, index);
  const counters = Buffer.allocUnsafeSlow(blocks * BLOCK);
  let at = 0;
  for (let index = from; index < to; index += 1) {
    const nonce = run.start[index]! + 1;
    const most = blocksOf(run, index);
    for (let counter = 1; counter <= most; counter += 1, at += BLOCK) {
      for (let byte = 0; byte < NONCE; byte += 1) counters[at + byte] = run.bytes[nonce + byte]!;
      counters.writeUInt32BE(counter, at + NONCE);
    }
  }
  // In its place: words are read from an even offset.
  cipher.update(counters).copy(counters);
  return new Int32Array(counters.buffer);
}

/** Checks the tag of a value, and answers its text, which is good until the next is asked for. */
function tagCheck(hash: Ghash, run: SealedRun) {
  const { place, bytes, start, end } = run;
  const prefix = Buffer.from(`${place.tenantId}\n${place.subjectId}\n${place.column}\n`);
  const whole = prefix.length - (prefix.length % BLOCK);
  const row = prefix.length - whole;
  // The place, the text, and the lengths of both, each from the beginning of a block.
  const text = Math.ceil((row + ROW) / BLOCK) * BLOCK;
  const words = new Int32Array((Math.max(whole, text) + LONGEST + 2 * BLOCK) / 4);
  const scratch = Buffer.from(words.buffer);
  const tag = new Int32Array(WORDS);
  const tagBytes = new Uint8Array(tag.buffer);
  // What the places of all rows begin with is hashed once.
  prefix.copy(scratch);
  hash.from(new Int32Array(WORDS));
  hash.add(words, whole / 4);
  const begun = hash.state();
  scratch.fill(0);
  prefix.copy(scratch, 0, whole);
  return (index: number, stream: Int32Array, at: number): Uint8Array => {
    run.writeRow(index, scratch, row);
    const from = start[index]! + 1 + NONCE;
    const length = end[index]! - TAG - from;
    const textEnd = text + length;
    const lengths = text + Math.ceil(length / BLOCK) * BLOCK;
    for (let byte = 0; byte < length; byte += 1) scratch[text + byte] = bytes[from + byte]!;
    for (let byte = textEnd; byte < lengths + BLOCK; byte += 1) scratch[byte] = 0;
    scratch.writeUInt32BE((prefix.length + ROW) * 8, lengths + 4);
    scratch.writeUInt32BE(length * 8, lengths + 12);
    hash.from(begun);
    hash.add(words, (lengths + BLOCK) / 4);
    for (let byte = 0; byte < TAG; byte += 1) tagBytes[byte] = bytes[from + length + byte]!;
    if (!hash.is(tag, stream, at)) throw new SealBroken(placeOf(run, index));
    for (let word = text / 4, key = at + WORDS; word < lengths / 4; word += 1, key += 1) words[word]! ^= stream[key]!;
    return scratch.subarray(text, textEnd);
  };
}
