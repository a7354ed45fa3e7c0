import { createHash, createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { rootOf } from './merkle.ts';
import type { CompactRange } from './merkle.ts';

/**
 * What a tenant's audit log was at one time, signed. `peaks` (the complete subtrees of the tree before) and `leaves`
 * (the hashes added since) fold to `root`, so that one checkpoint alone tells which of its entries was changed.
 * Hashes are lower-case hex, the signature base64, times ISO 8601.
 */
export interface Checkpoint {
  tenant: string;
  size: number;
  root: string;
  at: string;
  previousSize: number;
  peaks: string[];
  leaves: string[];
  keyId: string;
  /** SPKI PEM; convenient, and to be trusted only as far as the place that the checkpoint comes from. */
  publicKey: string;
  signature: string;
}

/** Signs checkpoints; made by `openSigner`. */
export interface Signer {
  keyId: string;
  publicKey: string;
  sign(text: string): Buffer;
}

/** What is signed: a C2SP tlog-checkpoint body, with the size before and the time as its extension lines. */
function checkpointText(checkpoint: Pick<Checkpoint, 'tenant' | 'size' | 'root' | 'at' | 'previousSize'>): string {
  const { tenant, size, root, at, previousSize } = checkpoint;
  return `habeas/${tenant}\n${size}\n${Buffer.from(root, 'hex').toString('base64')}\nfrom ${previousSize}\nat ${at}\n`;
}

/** Signs what the tree `from` has become, `to`, with these leaves more. */
export function makeCheckpoint(
  tenant: string,
  { from, to }: { from: CompactRange; to: CompactRange },
  leaves: Buffer[],
  at: Date,
  signer: Signer,
): Checkpoint {
  const before = { previousSize: from.size, peaks: from.peaks.map((peak) => peak.toString('hex')) };
  const facts = { tenant, size: to.size, root: rootOf(to).toString('hex'), at: at.toISOString(), ...before };
  return {
    ...facts,
    leaves: leaves.map((leaf) => leaf.toString('hex')),
    keyId: signer.keyId,
    publicKey: signer.publicKey,
    signature: signer.sign(checkpointText(facts)).toString('base64'),
  };
}

/** Ed25519 public keys by key id. */
export type TrustedKeys = Map<string, KeyObject>;

/** Names a public key: the start of the SHA-256 of its DER. */
export function keyIdOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);
}

/** Reads PEM blocks, one or several in a text; what is not an Ed25519 public key is passed over. */
export function readKeys(text: string): TrustedKeys {
  const keys: TrustedKeys = new Map();
  for (const pem of new Set(text.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g))) {
    try {
      const key = createPublicKey(pem);
      if (key.asymmetricKeyType === 'ed25519') keys.set(keyIdOf(key), key);
    } catch {
      continue; // a block that is no key can have signed nothing
    }
  }
  return keys;
}

/** True if one of `keys` signed this checkpoint, and it is the one that the checkpoint names. */
export function isSignedBy(checkpoint: Checkpoint, keys: TrustedKeys): boolean {
  // Base64 has several spellings of the same bytes; a signature has one, or a change to it would not show.
  if (Buffer.from(checkpoint.signature, 'base64').toString('base64') !== checkpoint.signature) return false;
  const key = keys.get(checkpoint.keyId);
  if (!key || key.export({ type: 'spki', format: 'pem' }).toString() !== checkpoint.publicKey) return false;
  return verify(null, Buffer.from(checkpointText(checkpoint)), key, Buffer.from(checkpoint.signature, 'base64'));
}

const HASH = /^[0-9a-f]{64}$/;

/** Reads what may be a checkpoint; undefined if its shape is wrong. It says nothing about the signature. */
export function parseCheckpoint(value: unknown): Checkpoint | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const it = value as Record<keyof Checkpoint, unknown>;
  const texts = [it.tenant, it.root, it.at, it.keyId, it.publicKey, it.signature];
  if (!texts.every((text) => typeof text === 'string')) return undefined;
  if (!isSize(it.size) || !isSize(it.previousSize) || !isHashes(it.peaks) || !isHashes(it.leaves)) return undefined;
  if (!HASH.test(String(it.root)) || it.previousSize + it.leaves.length !== it.size) return undefined;
  return value as Checkpoint;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHashes(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && HASH.test(item));
}
