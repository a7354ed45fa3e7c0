import { generateKeyPairSync, sign } from 'node:crypto';
import { canonicalJson } from '../../src/audit/canonical.ts';
import { keyIdOf, makeCheckpoint } from '../../src/audit/checkpoint.ts';
import type { Checkpoint, Signer } from '../../src/audit/checkpoint.ts';
import { LOG_SCHEMA } from '../../src/audit/log-format.ts';
import type { EntryLine, LogLine } from '../../src/audit/log-format.ts';
import { append, emptyRange, leafHash } from '../../src/audit/merkle.ts';
import { uuidv7 } from '../../src/database/uuid.ts';

export const TENANT = '01890000-0000-7000-8000-000000000001';
const START = Date.UTC(2026, 0, 1);

export function newSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    keyId: keyIdOf(publicKey),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (text) => sign(null, Buffer.from(text), privateKey),
  };
}

export function sampleBody(nth: number): string {
  const at = new Date(START + nth * 1000).toISOString();
  const actor = { key: `key-${nth % 3}`, scope: 'tenant' };
  const id = uuidv7(START + nth * 1000);
  return canonicalJson({ id, tenantId: TENANT, at, actor, act: 'message.read', outcome: 'DONE', targets: { messages: nth } });
}

/** A log as it is exported: `lines` in order, of which a test may change anything. */
export interface SampleLog {
  lines: LogLine[];
  entries: EntryLine[];
  checkpoints: Checkpoint[];
}

/** A log whose entries were sealed in batches of the given sizes, with two more that wait. */
export function sampleLog(batches: number[], signer: Signer): SampleLog {
  const total = batches.reduce((sum, size) => sum + size, 0);
  return resealed(
    Array.from({ length: total }, (_, nth) => sampleBody(nth)),
    batches,
    signer,
  );
}

/** What somebody would have who made all of it anew, hashes and signatures, from these bodies. */
export function resealed(bodies: string[], batches: number[], signer: Signer): SampleLog {
  const to = emptyRange();
  const entries = bodies.map((body, leafIndex): EntryLine => ({
    type: 'entry',
    leafIndex,
    leafHash: leafHash(body).toString('hex'),
    id: (JSON.parse(body) as { id: string }).id,
    body,
  }));
  const checkpoints = batches.map((size, nth) => {
    const from = { size: to.size, peaks: [...to.peaks] };
    const leaves = bodies.slice(from.size, from.size + size).map((body) => leafHash(body));
    for (const leaf of leaves) append(to, leaf);
    return makeCheckpoint(TENANT, { from, to }, leaves, new Date(START + 1e8 + nth * 1e6), signer);
  });
  const unsealed = [1, 2].map((nth): LogLine => {
    const body = sampleBody(bodies.length + nth);
    return { type: 'unsealed', id: (JSON.parse(body) as { id: string }).id, body, waiting: true };
  });
  const lines: LogLine[] = [
    { type: 'header', schema: LOG_SCHEMA, tenant: TENANT, publicKey: signer.publicKey },
    ...entries,
    ...checkpoints.map((checkpoint): LogLine => ({ type: 'checkpoint', ...checkpoint })),
    ...unsealed,
    { type: 'end', sealed: entries.length, unsealed: unsealed.length, checkpoints: checkpoints.length },
  ];
  return { lines, entries, checkpoints };
}

export function textOf(lines: LogLine[]): string[] {
  return lines.map((line) => JSON.stringify(line));
}
