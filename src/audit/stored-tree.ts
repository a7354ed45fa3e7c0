import { consistencyProof, inclusionProof } from './proofs.ts';
import { foldSubtrees, subtreesOf } from './merkle.ts';
import type { CompactRange, NodeId } from './merkle.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Db } from '../database/db.ts';
import { Refusal } from '../errors.ts';

/** Complete subtrees of a tenant's tree, from the tables: leaves are level 0 and live with their entries' ids. */
async function storedNodes(db: Db, tenantId: string, nodes: NodeId[]): Promise<Buffer[]> {
  if (nodes.length === 0) return [];
  const rows = (await db.query(
    `select coalesce(l.leaf_hash, n.hash) as hash
     from unnest($2::smallint[], $3::bigint[]) with ordinality as w (level, position, nth)
     left join audit_leaves l on l.tenant_id = $1 and w.level = 0 and l.leaf_index = w.position
     left join audit_nodes n on n.tenant_id = $1 and n.level = w.level and n.position = w.position
     order by w.nth`,
    [tenantId, nodes.map((node) => node.level), nodes.map((node) => node.position)],
  )) as { hash: Buffer | null }[];
  return rows.map((row) => {
    if (!row.hash) throw new Refusal('UNAVAILABLE', 'The audit tree has lost a node: verify an exported log before going on.');
    return row.hash;
  });
}

/** The tree as it stands, ready to grow. */
export async function storedRange(db: Db, tenantId: string, size: number): Promise<CompactRange> {
  return { size, peaks: await storedNodes(db, tenantId, subtreesOf({ start: 0, end: size })) };
}

/** The newest checkpoint, or undefined while nothing is sealed. */
export async function newestCheckpoint(db: Db, tenantId: string): Promise<Checkpoint | undefined> {
  return (await readCheckpoints(db, 'where tenant_id = $1 order by size desc limit 1', [tenantId]))[0];
}

/** Proves that an entry is in the newest tree: hex hashes from the bottom, for `verifyInclusion`. */
export async function proveEntry(db: Db, tenantId: string, entryId: string) {
  const [leaf] = (await db.query('select leaf_index, leaf_hash from audit_leaves where tenant_id = $1 and entry_id = $2', [
    tenantId,
    entryId,
  ])) as { leaf_index: string; leaf_hash: Buffer }[];
  const checkpoint = await newestCheckpoint(db, tenantId);
  if (!leaf || !checkpoint) throw new Refusal('NOT_FOUND', 'No such sealed entry.');
  const index = Number(leaf.leaf_index);
  const proof = await inclusionProof(index, checkpoint.size, (nodes) => storedNodes(db, tenantId, nodes));
  return { index, size: checkpoint.size, root: checkpoint.root, leafHash: leaf.leaf_hash.toString('hex'), proof: proof.map(hex) };
}

/** Proves that the tree of `first` entries is a prefix of that of `second`: hex hashes for `verifyConsistency`. */
export async function proveGrowth(db: Db, tenantId: string, first: number, second: number): Promise<string[]> {
  return (await consistencyProof(first, second, (nodes) => storedNodes(db, tenantId, nodes))).map(hex);
}

/** True if the stored tree still has the root that was signed; sealing on top of anything else would cover a change up. */
export function isTreeOf(range: CompactRange, checkpoint: Checkpoint): boolean {
  return hex(foldSubtrees(range.peaks)) === checkpoint.root;
}

interface CheckpointRow {
  tenant_id: string;
  size: string;
  previous_size: string;
  root: Buffer;
  at: string;
  peaks: Buffer;
  leaves: Buffer;
  key_id: string;
  public_key: string;
  signature: Buffer;
}

/** Reads checkpoints by a where-clause of this folder's own making. */
export async function readCheckpoints(db: Db, clause: string, parameters: unknown[]): Promise<Checkpoint[]> {
  const rows = (await db.query(
    `select tenant_id, size, previous_size, root, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
            peaks, leaves, key_id, public_key, signature
     from audit_checkpoints ${clause}`,
    parameters,
  )) as CheckpointRow[];
  return rows.map((row) => ({
    tenant: row.tenant_id,
    size: Number(row.size),
    root: hex(row.root),
    at: row.at,
    previousSize: Number(row.previous_size),
    peaks: split(row.peaks),
    leaves: split(row.leaves),
    keyId: row.key_id,
    publicKey: row.public_key,
    signature: row.signature.toString('base64'),
  }));
}

function hex(hash: Buffer): string {
  return hash.toString('hex');
}

/** A column of hashes, one after the other, 32 bytes each. */
function split(hashes: Buffer): string[] {
  return Array.from({ length: Math.ceil(hashes.length / 32) }, (_, at) => hex(hashes.subarray(at * 32, at * 32 + 32)));
}
