import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { Refusal } from '../errors.ts';

const refuse = (why: string): Refusal => new Refusal('INVALID_INPUT', `publicKey: ${why}`);

const within = (value: number, least: number, most: number): boolean => value >= least && value <= most;

function checkStrength(algorithm: string, key: KeyObject): void {
  const details = key.asymmetricKeyDetails ?? {};
  if (algorithm === 'RS256' && (key.asymmetricKeyType !== 'rsa' || !within(details.modulusLength ?? 0, 2048, 8192)))
    throw refuse('RS256 asks for an RSA key of 2,048 to 8,192 bits.');
  if (algorithm === 'ES256' && (key.asymmetricKeyType !== 'ec' || details.namedCurve !== 'prime256v1'))
    throw refuse('ES256 asks for a P-256 key.');
}

// A private key in the set would be a leak to mend, not a key to keep.
const keySchema = z
  .object({ kid: z.string().regex(/^[\x21-\x7e]{1,128}$/), d: z.never().optional(), use: z.literal('sig').optional() })
  .loose();
const setSchema = z.object({ keys: z.array(keySchema).min(1).max(10) });

/**
 * Checks what verifies the tokens of a key: a public key (PEM, SPKI), or the keys of an identity provider, pinned as it publishes them (a JWK Set,
 * RFC 7517, of up to 10 keys with a `kid`). Answers it as it is kept. Nothing is ever fetched: a provider that changes its keys is registered anew.
 */
export function checkPublicKey(algorithm: string, text: string): string {
  if (text.length > 65_536) throw refuse('longer than 64 kB.');
  if (text.trimStart().startsWith('{')) return checkSet(algorithm, text);
  // createPublicKey takes a private key too; whoever pastes one must learn of it rather than leave it here.
  if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(text)) throw refuse('not a PEM public key (SPKI), nor a JWK Set.');
  const key = readPublic(() => createPublicKey(text), 'not a PEM public key (SPKI).');
  checkStrength(algorithm, key);
  return key.export({ type: 'spki', format: 'pem' }) as string;
}

function readPublic(read: () => KeyObject, why: string): KeyObject {
  try {
    return read();
  } catch {
    throw refuse(why);
  }
}

function checkSet(algorithm: string, text: string): string {
  let parsed;
  try {
    parsed = setSchema.safeParse(JSON.parse(text));
  } catch {
    throw refuse('not JSON.');
  }
  if (!parsed.success) throw refuse('not a JWK Set of 1 to 10 public keys for signatures, each with a kid.');
  const { keys } = parsed.data;
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) throw refuse('two keys of the set have the same kid.');
  const kept = keys.map((jwk) => {
    const key = readPublic(
      () => createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }),
      `the key ${jwk.kid} of the set is not a public key.`,
    );
    checkStrength(algorithm, key);
    return { ...key.export({ format: 'jwk' }), kid: jwk.kid };
  });
  return JSON.stringify({ keys: kept });
}

/** The key that verifies a token: the one that was registered, or that of the set which the token's header names. */
export function verifyingKey(registered: string, kid: string): KeyObject | undefined {
  if (!registered.startsWith('{')) return createPublicKey(registered);
  const { keys } = JSON.parse(registered) as { keys: (JsonWebKey & { kid: string })[] };
  const jwk = keys.find((one) => one.kid === kid);
  return jwk && createPublicKey({ key: jwk, format: 'jwk' });
}
