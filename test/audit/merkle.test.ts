import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { append, EMPTY_ROOT, emptyRange, leafHash, rootOf, subtreesOf } from '../../src/audit/merkle.ts';
import type { NodeId } from '../../src/audit/merkle.ts';
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from '../../src/audit/proofs.ts';

const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

/** MTH of RFC 6962 section 2.1, word for word. */
function treeHash(contents: Buffer[]): Buffer {
  if (contents.length === 0) return sha256();
  if (contents.length === 1) return sha256(Buffer.from([0]), contents[0]!);
  const known = hashed.get(contents[0]!) ?? new Map<number, Buffer>();
  hashed.set(contents[0]!, known);
  const k = largestPowerBelow(contents.length);
  const hash =
    known.get(contents.length) ?? sha256(Buffer.from([1]), treeHash(contents.slice(0, k)), treeHash(contents.slice(k)));
  known.set(contents.length, hash);
  return hash;
}

/** Slices of one list share their buffers: the first one and the length tell which slice it is. It saves half a million hashes. */
const hashed = new WeakMap<Buffer, Map<number, Buffer>>();

/** PATH of section 2.1.1. */
function path(m: number, contents: Buffer[]): Buffer[] {
  if (contents.length === 1) return [];
  const k = largestPowerBelow(contents.length);
  return m < k
    ? [...path(m, contents.slice(0, k)), treeHash(contents.slice(k))]
    : [...path(m - k, contents.slice(k)), treeHash(contents.slice(0, k))];
}

/** SUBPROOF of section 2.1.2. */
function subproof(m: number, contents: Buffer[], whole: boolean): Buffer[] {
  if (m === contents.length) return whole ? [] : [treeHash(contents)];
  const k = largestPowerBelow(contents.length);
  return m <= k
    ? [...subproof(m, contents.slice(0, k), whole), treeHash(contents.slice(k))]
    : [...subproof(m - k, contents.slice(k), false), treeHash(contents.slice(0, k))];
}

function largestPowerBelow(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

const hex = (hashes: Buffer[]) => hashes.map((hash) => hash.toString('hex')).join(' ');
const ENTRIES = Array.from({ length: 300 }, (_, index) => Buffer.from(`entry ${index}`));
const contents = (size: number) => ENTRIES.slice(0, size);

/** The tree of `size` entries as the sealer keeps it: a compact range, and the complete subtrees that it finished. */
function grow(all: Buffer[]) {
  const nodes = new Map<string, Buffer>();
  const range = emptyRange();
  for (const [index, content] of all.entries()) {
    nodes.set(`0/${index}`, leafHash(content));
    append(range, leafHash(content), ({ level, position }, hash) => nodes.set(`${level}/${position}`, hash));
  }
  return { range, fetch: async (ids: NodeId[]) => ids.map(({ level, position }) => nodes.get(`${level}/${position}`)!) };
}

describe('the audit tree is that of RFC 6962', () => {
  test('the empty tree has the hash of nothing as its root', () => {
    expect(rootOf(emptyRange())).toEqual(sha256());
    expect(EMPTY_ROOT.toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  test('growing leaf by leaf gives the root of the definition, at every size up to 300', () => {
    const all = contents(300);
    const range = emptyRange();
    for (const [index, content] of all.entries()) {
      append(range, leafHash(content));
      expect(hex([rootOf(range)])).toBe(hex([treeHash(all.slice(0, index + 1))]));
      expect(range.peaks).toHaveLength(subtreesOf({ start: 0, end: index + 1 }).length);
    }
  });

  test('any contents give the root of the definition', () => {
    const lists = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 80 });
    fc.assert(
      fc.property(lists, (list) => {
        const all = list.map((bytes) => Buffer.from(bytes));
        expect(rootOf(grow(all).range)).toEqual(treeHash(all));
      }),
    );
  });

  test('every leaf of every tree up to 64 has the path of the definition, and it verifies', async () => {
    for (let size = 1; size <= 64; size += 1) {
      const all = contents(size);
      const { range, fetch } = grow(all);
      for (let index = 0; index < size; index += 1) {
        const proof = await inclusionProof(index, size, fetch);
        expect(hex(proof)).toBe(hex(path(index, all)));
        expect(verifyInclusion(leafHash(all[index]!), index, size, proof, rootOf(range))).toBe(true);
      }
    }
  });

  test('every prefix of every tree up to 64 has the proof of the definition, and it verifies', async () => {
    const roots = Array.from({ length: 65 }, (_, size) => treeHash(contents(size)));
    for (let size = 1; size <= 64; size += 1) {
      const all = contents(size);
      const { fetch } = grow(all);
      for (let first = 1; first <= size; first += 1) {
        const proof = await consistencyProof(first, size, fetch);
        expect(hex(proof)).toBe(hex(subproof(first, all, true)));
        expect(verifyConsistency(first, size, proof, roots[first]!, roots[size]!)).toBe(true);
      }
    }
  });

  test('a tree of 2^40 leaves asks for about as many nodes as it is high', async () => {
    const asked: NodeId[] = [];
    const fetch = async (ids: NodeId[]) => {
      asked.push(...ids);
      return ids.map(() => Buffer.alloc(32));
    };
    expect(await inclusionProof(2 ** 39 + 7, 2 ** 40, fetch)).toHaveLength(40);
    expect(await consistencyProof(2 ** 39 + 7, 2 ** 40, fetch)).toHaveLength(41);
    expect(asked).toHaveLength(81);
  });
});

describe('a proof of anything else is refused', () => {
  const size = fc.integer({ min: 2, max: 100 });

  test('an inclusion proof with a bit, a step, the place or the size changed', async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), fc.nat(), async (count, pick, harm) => {
        const all = contents(count);
        const { range, fetch } = grow(all);
        const index = pick % count;
        const proof = await inclusionProof(index, count, fetch);
        const leaf = leafHash(all[index]!);
        const root = rootOf(range);
        const step = harm % proof.length;
        expect(verifyInclusion(leaf, index, count, proof.with(step, flip(proof[step]!, harm)), root)).toBe(false);
        expect(verifyInclusion(leaf, index, count, proof.toSpliced(step, 1), root)).toBe(false);
        expect(verifyInclusion(leaf, index, count, [...proof, root], root)).toBe(false);
        expect(verifyInclusion(leaf, index, count, proof, flip(root, harm))).toBe(false);
        expect(verifyInclusion(flip(leaf, harm), index, count, proof, root)).toBe(false);
        expect(verifyInclusion(leaf, (index + 1) % count, count, proof, root)).toBe(false);
        expect(verifyInclusion(leaf, count, count, proof, root)).toBe(false);
        expect(verifyInclusion(leaf, -1, count, proof, root)).toBe(false);
        expect(verifyInclusion(leaf, index + 0.5, count, proof, root)).toBe(false);
      }),
    );
  });

  test('a consistency proof with a bit, a step or a root changed', async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), fc.nat(), async (count, pick, harm) => {
        const all = contents(count);
        const first = 1 + (pick % (count - 1));
        const [older, newer] = [treeHash(all.slice(0, first)), treeHash(all)];
        const proof = await consistencyProof(first, count, grow(all).fetch);
        const step = harm % proof.length;
        expect(verifyConsistency(first, count, proof.with(step, flip(proof[step]!, harm)), older, newer)).toBe(false);
        expect(verifyConsistency(first, count, proof.toSpliced(step, 1), older, newer)).toBe(false);
        expect(verifyConsistency(first, count, [...proof, older], older, newer)).toBe(false);
        expect(verifyConsistency(first, count, proof, flip(older, harm), newer)).toBe(false);
        expect(verifyConsistency(first, count, proof, older, flip(newer, harm))).toBe(false);
        expect(verifyConsistency(count, first, proof, newer, older)).toBe(false);
      }),
    );
  });

  test('equal sizes need equal roots and no proof; the empty tree is a prefix of any', () => {
    const [a, b] = [treeHash(contents(5)), treeHash(contents(6))];
    expect(verifyConsistency(5, 5, [], a, a)).toBe(true);
    expect(verifyConsistency(5, 5, [], a, b)).toBe(false);
    expect(verifyConsistency(5, 5, [a], a, a)).toBe(false);
    expect(verifyConsistency(0, 6, [], EMPTY_ROOT, b)).toBe(true);
    expect(verifyConsistency(0, 6, [], a, b)).toBe(false);
    expect(verifyConsistency(0, 6, [a], EMPTY_ROOT, b)).toBe(false);
  });

  test('asking for a proof of what is not there throws', async () => {
    const { fetch } = grow(contents(3));
    await expect(inclusionProof(3, 3, fetch)).rejects.toThrow(RangeError);
    await expect(consistencyProof(4, 3, fetch)).rejects.toThrow(RangeError);
  });
});

function flip(hash: Buffer, bit: number): Buffer {
  const changed = Buffer.from(hash);
  changed[(bit >> 3) % 32]! ^= 1 << (bit & 7);
  return changed;
}
