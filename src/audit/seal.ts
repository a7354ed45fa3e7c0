import { setImmediate as nextTurn } from 'node:timers/promises';
import { isSignedBy, makeCheckpoint, readKeys } from './checkpoint.ts';
import type { Checkpoint, Signer } from './checkpoint.ts';
import { append, emptyRange } from './merkle.ts';
import type { CompactRange, NodeId } from './merkle.ts';
import { isTreeOf, newestCheckpoint, readCheckpoints, storedRange } from './stored-tree.ts';
import { arrayOf } from '../database/arrays.ts';
import type { Db } from '../database/db.ts';
import { Refusal } from '../errors.ts';

/** At most so many entries stand under one checkpoint, which lists their hashes. */
const BATCH = 5000;
const HASH_BYTES = 32;
const AT_ONCE = 250;

interface Sealing {
  /** The checkpoint's time; now, unless a test says otherwise. */
  now?: Date;
  /** 5,000 unless given. */
  batch?: number;
}

/** Whether there may be more that waited when this checkpoint was made. */
export const isFull = ({ size, previousSize }: Checkpoint): boolean => size - previousSize >= BATCH;

/**
 * Seals what waits, at most one batch, in the caller's transaction, whose scope is the whole tenant. Returns the new checkpoint, or
 * undefined if nothing waited; call again until it does. Safe to run at once in several processes: the tree's row is the lock.
 *
 * What waits is known from audit_pending, not from a high-water mark: an entry with a smaller id may commit after a larger one was sealed.
 */
export async function sealTenant(
  db: Db,
  tenantId: string,
  signer: Signer,
  sealing: Sealing = {},
): Promise<Checkpoint | undefined> {
  await db.query('insert into audit_trees (tenant_id) values ($1) on conflict do nothing', [tenantId]);
  await db.query('select 1 from audit_trees where tenant_id = $1 for update', [tenantId]);
  const [pending] = (await db.query('select 1 from audit_pending where tenant_id = $1 limit 1', [tenantId])) as unknown[];
  if (!pending) return undefined;

  const from = await rangeToExtend(db, tenantId, signer);
  const leaves = await addLeaves(db, tenantId, from.size, sealing.batch ?? BATCH);
  if (!leaves.length) return undefined;
  const nodes: { node: NodeId; hash: Buffer }[] = [];
  const to = await grown(from, leaves, (node, hash) => nodes.push({ node, hash }));
  const checkpoint = makeCheckpoint(tenantId, { from, to }, leaves, sealing.now ?? new Date(), signer);
  await db.query(
    `insert into audit_nodes (tenant_id, level, position, hash)
     select $1::uuid, * from unnest($2::smallint[], $3::bigint[], $4::bytea[])`,
    [
      tenantId,
      `{${nodes.map(({ node }) => node.level).join(',')}}`,
      `{${nodes.map(({ node }) => node.position).join(',')}}`,
      arrayOf(
        'bytea',
        nodes.map(({ hash }) => hash),
      ),
    ],
  );
  await insertCheckpoint(db, checkpoint);
  return checkpoint;
}

/** The tree with these leaves more. Some are added at a time: thousands in one piece would keep all answers waiting. */
async function grown(
  { size, peaks }: CompactRange,
  leaves: readonly Buffer[],
  keep: (node: NodeId, hash: Buffer) => void,
): Promise<CompactRange> {
  const range = { size, peaks: [...peaks] };
  for (const [nth, leaf] of leaves.entries()) {
    append(range, leaf, keep);
    if (nth % AT_ONCE === AT_ONCE - 1) await nextTurn();
  }
  return range;
}

/**
 * Makes what waits leaves of the tree, from `size` on, and answers their hashes (merkle.ts, `leafHash`). The database makes them, which spares
 * it sending the texts, and us a pause of all answers.
 */
async function addLeaves(db: Db, tenantId: string, size: number, batch: number): Promise<Buffer[]> {
  const [row] = (await db.query(
    `with waiting as materialized (
       select p.entry_id, row_number() over (order by p.entry_id) - 1 as nth, sha256('\\x00'::bytea || convert_to(e.body, 'UTF8')) as hash
       from audit_pending p join audit_entries e on e.tenant_id = $1 and e.id = p.entry_id
       where p.tenant_id = $1 order by p.entry_id limit $3
     ), leaves as (
       insert into audit_leaves (tenant_id, leaf_index, entry_id, leaf_hash)
       select $1::uuid, $2::bigint + nth, entry_id, hash from waiting
     ), taken as (
       delete from audit_pending p using waiting w where p.tenant_id = $1 and p.entry_id = w.entry_id
     )
     select string_agg(hash, '' order by nth) as hashes from waiting`,
    [tenantId, size, batch],
  )) as { hashes: Buffer | null }[];
  const hashes = row?.hashes ?? Buffer.alloc(0);
  return Array.from({ length: hashes.length / HASH_BYTES }, (_, nth) =>
    hashes.subarray(nth * HASH_BYTES, (nth + 1) * HASH_BYTES),
  );
}

/** The tree to build on, once it is shown to be the one that was signed: sealing must not bless a change. */
async function rangeToExtend(db: Db, tenantId: string, signer: Signer): Promise<CompactRange> {
  const newest = await newestCheckpoint(db, tenantId);
  if (!newest) return emptyRange();
  if (!isSignedBy(newest, readKeys(signer.publicKey))) {
    throw new Refusal(
      'UNAVAILABLE',
      `The newest audit checkpoint (${newest.size} entries) is not signed by key ${signer.keyId}.`,
    );
  }
  const range = await storedRange(db, tenantId, newest.size);
  if (isTreeOf(range, newest)) return range;
  throw new Refusal(
    'UNAVAILABLE',
    `The audit tree is not the one that was signed at ${newest.size} entries: verify an exported log.`,
  );
}

async function insertCheckpoint(db: Db, checkpoint: Checkpoint): Promise<void> {
  const { tenant, size } = checkpoint;
  await db.query(
    `insert into audit_checkpoints (tenant_id, size, previous_size, root, at, peaks, leaves, key_id, public_key, signature)
     values ($1, $2, $3, $4, $5::timestamptz, $6, $7, $8, $9, $10)`,
    [
      tenant,
      size,
      checkpoint.previousSize,
      Buffer.from(checkpoint.root, 'hex'),
      checkpoint.at,
      Buffer.from(checkpoint.peaks.join(''), 'hex'),
      Buffer.from(checkpoint.leaves.join(''), 'hex'),
      checkpoint.keyId,
      checkpoint.publicKey,
      Buffer.from(checkpoint.signature, 'base64'),
    ],
  );
  await db.query('insert into audit_unpublished (tenant_id, size) values ($1, $2)', [tenant, size]);
}

/**
 * Hands each checkpoint that has not left the database yet to `publish`, oldest first, and returns how many. It belongs in a transaction
 * after the one that sealed: what leaves must be committed. Where one fails, those before it have left. `publish` may see a checkpoint twice after
 * a crash, always the same.
 */
export async function publishCheckpoints(
  db: Db,
  tenantId: string,
  publish: (checkpoint: Checkpoint) => Promise<void>,
): Promise<number> {
  const waiting = (await db.query('select size from audit_unpublished where tenant_id = $1 order by size limit 100', [
    tenantId,
  ])) as {
    size: string;
  }[];
  for (const [published, { size }] of waiting.entries()) {
    const [checkpoint] = await readCheckpoints(db, 'where tenant_id = $1 and size = $2', [tenantId, size]);
    try {
      if (checkpoint) await publish(checkpoint);
    } catch (error) {
      if (published === 0) throw error;
      return published;
    }
    await db.query('delete from audit_unpublished where tenant_id = $1 and size = $2', [tenantId, size]);
  }
  return waiting.length;
}
