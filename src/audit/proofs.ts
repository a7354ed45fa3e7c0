import { EMPTY_ROOT, foldSubtrees, nodeHash, splitOf, subtreesOf } from './merkle.ts';
import type { LeafRange, NodeId } from './merkle.ts';

/** Looks complete subtrees up, many at a time, in the order asked for. */
export type FetchNodes = (nodes: NodeId[]) => Promise<Buffer[]>;

/** RFC 6962 section 2.1.1: what is missing on the way from one leaf up to the root, from the bottom. */
function inclusionRanges(index: number, { start, end }: LeafRange): LeafRange[] {
  if (end - start <= 1) return [];
  const middle = start + splitOf(end - start);
  return index < middle
    ? [...inclusionRanges(index, { start, end: middle }), { start: middle, end }]
    : [...inclusionRanges(index, { start: middle, end }), { start, end: middle }];
}

/** RFC 6962 section 2.1.2, SUBPROOF; `whole` says that the older root itself is known to whoever verifies. */
function consistencyRanges(first: number, { start, end }: LeafRange, whole: boolean): LeafRange[] {
  if (first === end) return whole ? [] : [{ start, end }];
  const middle = start + splitOf(end - start);
  return first <= middle
    ? [...consistencyRanges(first, { start, end: middle }, whole), { start: middle, end }]
    : [...consistencyRanges(first, { start: middle, end }, false), { start, end: middle }];
}

/** Fetches all the subtrees in one go, then folds those of each range. */
async function hashRanges(ranges: LeafRange[], fetch: FetchNodes): Promise<Buffer[]> {
  const parts = ranges.map(subtreesOf);
  const hashes = await fetch(parts.flat());
  let taken = 0;
  return parts.map((nodes) => foldSubtrees(hashes.slice(taken, (taken += nodes.length))));
}

/** Proves that the leaf at `index` is in the tree of the first `size` leaves. */
export async function inclusionProof(index: number, size: number, fetch: FetchNodes): Promise<Buffer[]> {
  if (!(index >= 0 && index < size)) throw new RangeError(`Leaf ${index} is not in a tree of ${size}.`);
  return hashRanges(inclusionRanges(index, { start: 0, end: size }), fetch);
}

/** Proves that the tree of `first` leaves is a prefix of the tree of `second` leaves. */
export async function consistencyProof(first: number, second: number, fetch: FetchNodes): Promise<Buffer[]> {
  if (!(first >= 0 && first <= second)) throw new RangeError(`A tree of ${first} is no prefix of one of ${second}.`);
  return first === 0 ? [] : hashRanges(consistencyRanges(first, { start: 0, end: second }, true), fetch);
}

export function verifyInclusion(leaf: Buffer, index: number, size: number, proof: Buffer[], root: Buffer): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  const rest = [...proof];
  const implied = (at: number, count: number): Buffer | undefined => {
    if (count === 1) return leaf;
    const sibling = rest.pop();
    if (sibling?.length !== 32) return undefined;
    const split = splitOf(count);
    const below = at < split ? implied(at, split) : implied(at - split, count - split);
    if (!below) return undefined;
    return at < split ? nodeHash(below, sibling) : nodeHash(sibling, below);
  };
  return implied(index, size)?.equals(root) === true && rest.length === 0;
}

export function verifyConsistency(
  first: number,
  second: number,
  proof: Buffer[],
  firstRoot: Buffer,
  secondRoot: Buffer,
): boolean {
  if (!isCount(first) || !isCount(second) || first > second) return false;
  if (first === second) return proof.length === 0 && firstRoot.equals(secondRoot);
  // Every tree extends the empty one, and there is nothing to prove it with.
  if (first === 0) return proof.length === 0 && firstRoot.equals(EMPTY_ROOT);
  const rest = [...proof];
  const implied = (older: number, newer: number, whole: boolean): [Buffer, Buffer] | undefined => {
    if (older === newer && whole) return [firstRoot, firstRoot];
    const last = rest.pop();
    if (last?.length !== 32) return undefined;
    if (older === newer) return [last, last];
    const split = splitOf(newer);
    const below = older <= split ? implied(older, split, whole) : implied(older - split, newer - split, false);
    if (!below) return undefined;
    return older <= split ? [below[0], nodeHash(below[1], last)] : [nodeHash(last, below[0]), nodeHash(last, below[1])];
  };
  const roots = implied(first, second, true);
  return rest.length === 0 && roots?.[0].equals(firstRoot) === true && roots[1].equals(secondRoot);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
