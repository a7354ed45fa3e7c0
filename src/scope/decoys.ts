import { createPublicKey, createSecretKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import type { Algorithm } from './api-key.service.ts';

/** An RSA modulus of 2,048 bits whose factors nobody has looked for: enough to check signatures that no key made. */
function modulus(): Buffer {
  const bytes = randomBytes(256);
  bytes[0]! |= 0x80;
  bytes[255]! |= 1;
  return bytes;
}

/** A key of each algorithm that signs for nobody: a token of an unknown key is checked with it, so that it costs what one of a known key does. */
export const openDecoys = (): Readonly<Record<Algorithm, KeyObject>> => ({
  HS256: createSecretKey(randomBytes(48)),
  RS256: createPublicKey({ key: { kty: 'RSA', n: modulus().toString('base64url'), e: 'AQAB' }, format: 'jwk' }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
});
