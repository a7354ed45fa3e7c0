import type { Findings } from './findings.ts';
import type { Log, LoggedEntry } from './log-reader.ts';
import { outOfOrder } from './out-of-order.ts';

/** A leaf that must be there: its hash, or undefined where no source gives it. */
type Leaves = (string | undefined)[];

/** Where each entry of the log belongs among the trusted leaves, and which leaves have no entry. */
interface Matching {
  /** By position in the log: the index of the leaf that it is, was, or stands in the place of. */
  place: (number | undefined)[];
  /** Leaves that an entry stands for. */
  held: Set<number>;
}

/** Says of each entry what was done to it, by comparing the log with the leaves as they must have been. */
export function compare(log: Log, leaves: Leaves, findings: Findings): void {
  const untouched = (entry: LoggedEntry, at: number) =>
    entry.leafIndex === at && entry.hash === leaves[at] && entry.stored === entry.hash && entry.hash !== undefined;
  if (log.sealed.length !== leaves.length || !log.sealed.every(untouched)) {
    const matching = match(log.sealed, leaves, findings);
    const missing = findMissing(log, leaves, matching.held, findings);
    findMoved(log.sealed, matching.place, missing, findings);
    findRecordedHashes(log.sealed, matching.place, leaves, findings);
  }
  for (const { id, hash, waiting } of log.unsealed) {
    if (hash === undefined) findings.add('DELETED', 'The entry waits to be sealed, and is gone.', { id });
    else if (!waiting) findings.add('INSERTED', 'The entry is neither sealed nor waiting to be sealed.', { id });
  }
}

function match(sealed: LoggedEntry[], leaves: Leaves, findings: Findings): Matching {
  const indexes = new Map<string, number>();
  leaves.forEach((hash, index) => hash !== undefined && indexes.set(hash, index));
  const held = new Set<number>();
  const place = sealed.map((entry) => {
    const index = entry.hash === undefined ? undefined : indexes.get(entry.hash);
    if (index === undefined || held.has(index)) return undefined;
    held.add(index);
    return index;
  });
  const uncovered: LoggedEntry[] = [];
  sealed.forEach((entry, position) => {
    if (place[position] !== undefined) return;
    place[position] = [entry.leafIndex, position].find((index) => index >= 0 && index < leaves.length && !held.has(index));
    if (place[position] !== undefined) held.add(place[position]);
    if (place[position] === undefined && entry.leafIndex >= leaves.length) uncovered.push(entry);
    else nameStranger(entry, place[position], leaves, findings);
  });
  const [first] = uncovered;
  if (first) {
    const message = `No trusted checkpoint covers what the log shows from leaf ${first.leafIndex} on: ${uncovered.length} entries.`;
    findings.add('INSERTED', message, first);
  }
  return { place, held };
}

/** An entry whose hash is no leaf's, or one that already has an entry. `index` is the leaf whose place it took. */
function nameStranger(entry: LoggedEntry, index: number | undefined, leaves: Leaves, findings: Findings): void {
  const at = { id: entry.id, leafIndex: index ?? entry.leafIndex };
  if (entry.hash === undefined) findings.add('DELETED', 'The entry is gone; its leaf is still there.', at);
  else if (index !== undefined && leaves[index] !== undefined) {
    findings.add('EDITED', 'The entry is not what was sealed at its place.', at);
  } else if (index !== undefined) {
    // What was sealed here is not known; that this range is wrong has been said. The hash on record may still tell which entry it is.
    if (entry.stored !== entry.hash) findings.add('EDITED', 'The entry is not what its leaf hash on record was made from.', at);
  } else findings.add('INSERTED', 'The entry was never sealed.', at);
}

/** Leaves without an entry; returns them in order. */
function findMissing(log: Log, leaves: Leaves, held: Set<number>, findings: Findings): number[] {
  const missing: number[] = [];
  for (let index = 0; index < leaves.length; index += 1) if (!held.has(index)) missing.push(index);
  const unsealed = new Map(log.unsealed.map((entry) => [entry.hash, entry.id]));
  let last = leaves.length - 1;
  while (last >= 0 && !held.has(last)) last -= 1;
  for (const index of missing) {
    const id = leaves[index] === undefined ? undefined : unsealed.get(leaves[index]);
    if (id !== undefined) findings.add('DELETED', 'The entry was sealed, and its leaf is gone.', { id, leafIndex: index });
    else if (index < last) findings.add('DELETED', `The entry at leaf ${index} is gone.`, { leafIndex: index });
    else {
      const message = `The log ends before entry ${index}: ${leaves.length - index} entries that were sealed are cut off.`;
      findings.add('TRUNCATED', message, { leafIndex: index });
      break;
    }
  }
  return missing;
}

/** Entries at another place than their leaf's, but for shifts that follow from what is missing or was put in before them. */
function findMoved(sealed: LoggedEntry[], place: (number | undefined)[], missing: number[], findings: Findings): void {
  const moved: number[] = [];
  let strangers = 0;
  place.forEach((index, position) => {
    if (index === undefined) {
      strangers += 1;
      return;
    }
    const claimed = sealed[position]!.leafIndex;
    const shifted = position - index === strangers - countBelow(missing, index);
    if (!shifted || (claimed !== index && claimed !== position)) moved.push(position);
  });
  const fewest = outOfOrder(place);
  // One entry that travels far shifts all between: name the traveller. Two that change places are both named.
  for (const position of moved.length > 2 * fewest.length && fewest.length > 0 ? fewest : moved) {
    const entry = sealed[position]!;
    const at = { id: entry.id, leafIndex: entry.leafIndex };
    findings.add('SWAPPED', `The entry was sealed at leaf ${place[position]}, and is shown elsewhere.`, at);
  }
}

function findRecordedHashes(sealed: LoggedEntry[], place: (number | undefined)[], leaves: Leaves, findings: Findings): void {
  sealed.forEach((entry, position) => {
    const index = place[position];
    if (index === undefined || leaves[index] === undefined || entry.stored === leaves[index]) return;
    findings.add('EDITED', 'The leaf hash on record is not the one that was sealed.', { id: entry.id, leafIndex: index });
  });
}

/** How many of the ascending `values` are below `limit`. */
function countBelow(values: number[], limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
