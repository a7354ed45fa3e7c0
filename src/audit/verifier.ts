import { isSignedBy, readKeys } from './checkpoint.ts';
import type { Checkpoint, TrustedKeys } from './checkpoint.ts';
import { compare } from './comparison.ts';
import { Findings } from './findings.ts';
import type { Finding } from './findings.ts';
import { readLog } from './log-reader.ts';
import type { Log } from './log-reader.ts';
import { foldSubtrees, subtreesOf } from './merkle.ts';
import { trustedLeaves } from './trusted-leaves.ts';

/** What a verification found. `ok` means that nothing is wrong; read it together with `heldSize`. */
export interface VerifyReport {
  ok: boolean;
  tenant: string | undefined;
  /** Sealed entries in the log. */
  entries: number;
  /** Entries that no checkpoint covers yet, and that nothing can be proved of. */
  unsealed: number;
  checkpoints: number;
  /** How many entries the largest checkpoint that the caller holds covers: up to here not even the key's owner can lie. */
  heldSize: number;
  /** How many entries the largest trusted checkpoint covers. */
  trustedSize: number;
  findings: Finding[];
  /** Findings beyond the first 1,000. */
  omitted: number;
}

/**
 * Verifies an exported log against checkpoints held elsewhere, without a database and without anything of the server. Up to the held
 * checkpoints' sizes, the log must be what they were made of; beyond, what the log's own checkpoints say that are signed by the trusted
 * key: `publicKey` (PEM, several may follow each other), else those of the held checkpoints, else, with nothing held, the log's own.
 */
export async function verifyLog(
  lines: AsyncIterable<string> | Iterable<string>,
  held: Checkpoint[],
  options: { publicKey?: string } = {},
): Promise<VerifyReport> {
  const log = await readLog(lines);
  const findings = new Findings();
  const heldKeys = held.map((checkpoint) => checkpoint.publicKey).join('\n');
  const keys = readKeys(options.publicKey ?? (heldKeys === '' ? (log.publicKey ?? '') : heldKeys));
  // To the letter: a key has one spelling here, so that no change to the header goes unseen.
  const spellings = [...keys.values()].map((key) => key.export({ type: 'spki', format: 'pem' }).toString());
  if (log.publicKey !== undefined && !spellings.includes(log.publicKey)) {
    findings.add('BAD_SIGNATURE', 'The log names another key than the trusted one.');
  }
  const trusted = held.filter((checkpoint) => isTrustworthy(checkpoint, keys, log.tenant, 'that you hold', findings));
  const own = log.checkpoints.filter((checkpoint) => isTrustworthy(checkpoint, keys, log.tenant, 'in the log', findings));
  const chain = chainOf(trusted, own, findings);
  checkPresence(trusted, log, findings);
  checkLinks(log.checkpoints, findings);
  const leaves = trustedLeaves(chain, log.sealed, findings);
  compare(log, leaves, findings);
  checkLists(log, own, chain, leaves, findings);
  for (const { kind, message, entryId, leafIndex } of log.findings.list) findings.add(kind, message, { id: entryId, leafIndex });
  return {
    ok: findings.list.length === 0,
    tenant: log.tenant,
    entries: log.sealed.length,
    unsealed: log.unsealed.length,
    checkpoints: log.checkpoints.length,
    heldSize: Math.max(0, ...trusted.map((checkpoint) => checkpoint.size)),
    trustedSize: leaves.length,
    findings: findings.list,
    omitted: findings.omitted + log.findings.omitted,
  };
}

function isTrustworthy(
  checkpoint: Checkpoint,
  keys: TrustedKeys,
  tenant: string | undefined,
  where: string,
  findings: Findings,
): boolean {
  const name = `The checkpoint of ${checkpoint.size} entries ${where}`;
  if (checkpoint.tenant !== tenant) findings.add('INCONSISTENT', `${name} is of another tenant than the log.`);
  else if (isSignedBy(checkpoint, keys)) return true;
  else findings.add('BAD_SIGNATURE', `${name} is not signed by the trusted key.`);
  return false;
}

/** One trusted checkpoint a size, ascending; one that is held outranks the log's. */
function chainOf(held: Checkpoint[], own: Checkpoint[], findings: Findings): Checkpoint[] {
  const bySize = new Map<number, Checkpoint>();
  for (const checkpoint of [...held, ...own]) {
    const other = bySize.get(checkpoint.size);
    if (!other) bySize.set(checkpoint.size, checkpoint);
    else if (other.root !== checkpoint.root) {
      findings.add(
        'INCONSISTENT',
        `Two signed checkpoints of ${checkpoint.size} entries have different roots: the log was rewritten.`,
      );
    }
  }
  return [...bySize.values()].sort((a, b) => a.size - b.size);
}

function checkPresence(held: Checkpoint[], log: Log, findings: Findings): void {
  const shown = new Set(log.checkpoints.map((checkpoint) => checkpoint.size));
  for (const { size } of held) {
    if (shown.has(size)) continue;
    const cut = log.sealed.length < size;
    const message = `The log lacks the checkpoint of ${size} entries that you hold`;
    findings.add(cut ? 'TRUNCATED' : 'INCONSISTENT', cut ? `${message}, and has ${log.sealed.length} entries.` : `${message}.`);
  }
}

/** Each checkpoint states the size of the one before, so that none can be left out. */
function checkLinks(checkpoints: Checkpoint[], findings: Findings): void {
  let size = 0;
  for (const checkpoint of checkpoints) {
    if (checkpoint.previousSize !== size) {
      const message = `The checkpoint of ${checkpoint.size} entries follows one of ${checkpoint.previousSize}`;
      findings.add('INCONSISTENT', `${message}, but the log shows one of ${size} before it.`);
    }
    size = checkpoint.size;
  }
}

/** A root that holds says nothing of the lists stored beside it: they must be those that it was made from. */
function checkLists(log: Log, own: Checkpoint[], chain: Checkpoint[], leaves: (string | undefined)[], findings: Findings): void {
  const roots = new Map(chain.map((checkpoint) => [checkpoint.size, checkpoint.root]));
  for (const { size, previousSize, leaves: listed, peaks } of own) {
    const wrong = listed.findIndex((hash, nth) => (leaves[previousSize + nth] ?? hash) !== hash);
    if (wrong !== -1) {
      const leafIndex = previousSize + wrong;
      const entry = { id: log.sealed[leafIndex]?.id, leafIndex };
      findings.add('INCONSISTENT', `The checkpoint of ${size} entries lists another hash for leaf ${leafIndex}.`, entry);
    }
    const root = roots.get(previousSize);
    const shape = subtreesOf({ start: 0, end: previousSize }).length === peaks.length;
    const folded = foldSubtrees(peaks.map((peak) => Buffer.from(peak, 'hex'))).toString('hex');
    if (!shape || (previousSize > 0 && root !== undefined && folded !== root)) {
      findings.add(
        'INCONSISTENT',
        `The checkpoint of ${size} entries does not state the tree of ${previousSize} that it grew from.`,
      );
    }
  }
}
