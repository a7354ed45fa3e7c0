import type { Checkpoint } from './checkpoint.ts';
import type { Findings } from './findings.ts';
import type { LoggedEntry } from './log-reader.ts';
import { append, rootOf, subtreesOf } from './merkle.ts';
import type { CompactRange } from './merkle.ts';

/** Tells the hash, in hex, that a source gives for one leaf. */
type Source = (index: number) => string | undefined;

/**
 * Works out what the leaves must have been. For each trusted checkpoint, several sources say what its leaves are: the bodies as they
 * stand, the checkpoint's own list, the hashes on record. Whichever folds to the signed root is right, since no two lists do; what no
 * source gives stays undefined. `chain` is ascending by size, one checkpoint a size, and every root in it is trusted.
 */
export function trustedLeaves(chain: Checkpoint[], sealed: LoggedEntry[], findings: Findings): (string | undefined)[] {
  const leaves: (string | undefined)[] = [];
  const logged = loggedSources(sealed);
  let proven: CompactRange | undefined = { size: 0, peaks: [] };
  for (const checkpoint of chain) {
    const { size, previousSize } = checkpoint;
    const sources = withMajority([logged.byPosition, listedIn(checkpoint), logged.byIndex, logged.onRecord]);
    const onLog: CompactRange | undefined = proven && extend(proven, sources, checkpoint, leaves);
    // A checkpoint brings the peaks of the tree that it grew from: if those and its leaves fold to its root, both are right.
    const own = { size: previousSize, peaks: checkpoint.peaks.map((peak) => Buffer.from(peak, 'hex')) };
    const grown: CompactRange | undefined = onLog ?? extend(own, sources, checkpoint, leaves);
    if (!grown) {
      const from = Math.min(proven?.size ?? previousSize, previousSize);
      const message = `Entries ${from} to ${size - 1} do not give the root of the checkpoint of ${size} entries`;
      findings.add('INCONSISTENT', `${message}, and no list of their hashes is left that does.`);
      leaves.length = size;
    } else if (proven && !onLog) {
      const message = `The checkpoint of ${size} entries does not follow from the log before entry ${previousSize}`;
      findings.add('INCONSISTENT', `${message}: something among entries 0 to ${previousSize - 1} was rewritten or left out.`);
    }
    proven = grown;
  }
  return leaves;
}

/** Grows `start` up to the checkpoint with the first source that gives its root, and notes those leaves. */
function extend(start: CompactRange, sources: Source[], checkpoint: Checkpoint, leaves: (string | undefined)[]) {
  if (start.peaks.length !== subtreesOf({ start: 0, end: start.size }).length) return undefined;
  for (const source of sources) {
    const range = { size: start.size, peaks: [...start.peaks] };
    const added: string[] = [];
    while (range.size < checkpoint.size) {
      const hash = source(range.size);
      if (hash === undefined) break;
      append(range, Buffer.from(hash, 'hex'));
      added.push(hash);
    }
    if (range.size !== checkpoint.size || rootOf(range).toString('hex') !== checkpoint.root) continue;
    added.forEach((hash, nth) => (leaves[start.size + nth] = hash));
    return range;
  }
  return undefined;
}

function listedIn(checkpoint: Checkpoint): Source {
  return (index) => checkpoint.leaves[index - checkpoint.previousSize];
}

/** The maps are made only if the entries, as they stand, do not give a root. */
function loggedSources(sealed: LoggedEntry[]): Record<'byPosition' | 'byIndex' | 'onRecord', Source> {
  let entries: Map<number, LoggedEntry> | undefined;
  const find = (index: number) => (entries ??= new Map(sealed.map((entry) => [entry.leafIndex, entry]))).get(index);
  return {
    byPosition: (index) => sealed[index]?.hash,
    byIndex: (index) => find(index)?.hash,
    onRecord: (index) => find(index)?.stored,
  };
}

/** Where every source has been touched somewhere, what most of them say of each leaf may still be what was sealed. */
function withMajority(sources: Source[]): Source[] {
  const majority: Source = (index) => {
    const votes = sources.map((source) => source(index)).filter((hash) => hash !== undefined);
    const count = (hash: string) => votes.filter((vote) => vote === hash).length;
    return votes.toSorted((a, b) => count(b) - count(a))[0];
  };
  return [...sources, majority];
}
