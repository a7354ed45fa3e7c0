import { hash as digest } from 'node:crypto';

/**
 * RFC 6962 section 2.1: a binary tree over an append-only list. Leaves and nodes are hashed under different prefixes,
 * so that no leaf can pass for a node. Sizes are JavaScript numbers and never go through 32-bit operators.
 */

/** A complete subtree: `level` 0 is a leaf, and it covers the leaves from position * 2^level, 2^level of them. */
export interface NodeId {
  level: number;
  position: number;
}

/** The left-to-right roots of the complete subtrees that make up a tree: all that is needed to let it grow. */
export interface CompactRange {
  size: number;
  peaks: Buffer[];
}

/** Leaves from `start` up to, not including, `end`; always a subtree of the recursion in the RFC. */
export interface LeafRange {
  start: number;
  end: number;
}

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

function sha256(data: Buffer): Buffer {
  return digest('sha256', data, 'buffer');
}

/** The root of a tree that has no leaf. */
export const EMPTY_ROOT = sha256(Buffer.alloc(0));

export function leafHash(content: string | Buffer): Buffer {
  return sha256(Buffer.concat([LEAF, typeof content === 'string' ? Buffer.from(content) : content]));
}

export function nodeHash(left: Buffer, right: Buffer): Buffer {
  return sha256(Buffer.concat([NODE, left, right]));
}

export function emptyRange(): CompactRange {
  return { size: 0, peaks: [] };
}

/** Adds one leaf hash to `range`, in place; `keep` sees each complete subtree (level 1 and up) that it finishes. */
export function append(range: CompactRange, leaf: Buffer, keep?: (node: NodeId, hash: Buffer) => void): void {
  let hash = leaf;
  let level = 0;
  let position = range.size;
  while (position % 2 === 1) {
    hash = nodeHash(range.peaks.pop()!, hash);
    level += 1;
    position = (position - 1) / 2;
    keep?.({ level, position }, hash);
  }
  range.peaks.push(hash);
  range.size += 1;
}

/** Folds complete subtrees, left to right, into the hash of the range that they cover. */
export function foldSubtrees(hashes: Buffer[]): Buffer {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right));
}

export function rootOf(range: CompactRange): Buffer {
  return foldSubtrees(range.peaks);
}

/** The complete subtrees that cover a range, largest first. */
export function subtreesOf({ start, end }: LeafRange): NodeId[] {
  const nodes: NodeId[] = [];
  for (let at = start; at < end;) {
    const level = Math.floor(Math.log2(end - at));
    nodes.push({ level, position: at / 2 ** level });
    at += 2 ** level;
  }
  return nodes;
}

/** The largest power of two smaller than `size`: where the RFC splits a tree. */
export function splitOf(size: number): number {
  const power = 2 ** Math.floor(Math.log2(size));
  return power === size ? power / 2 : power;
}
