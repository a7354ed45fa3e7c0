import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A fresh secret for a download link: 32 random bytes as 43 characters of base64url. Shown once; only its hash is kept. */
export function newLinkToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * SHA-256 of a link's secret (32 bytes), the form in which it is kept and looked up. Unsalted and fast on purpose: the
 * secret has 256 random bits, so there is nothing to guess.
 */
export function hashLinkToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Whether the token is the one whose hash is kept, in a time that does not tell how much of it was right. */
export function isLinkToken(token: string, hash: Buffer): boolean {
  return hash.length === 32 && timingSafeEqual(hashLinkToken(token), hash);
}
