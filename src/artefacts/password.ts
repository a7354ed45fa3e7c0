import { randomBytes } from 'node:crypto';

// No letter or digit that looks like another: no i, l, o, 0, 1.
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const UNBIASED = 256 - (256 % ALPHABET.length);
const GROUPS = 7;
const GROUP = 4;

/**
 * A password for a zip: 28 random characters of 31 (138 bits), in seven groups of four joined by hyphens. A zip derives its
 * keys with 1,000 rounds only, so nothing but the password's own strength (128 bits or more) protects it.
 */
export function generatePassword(): string {
  const characters: string[] = [];
  while (characters.length < GROUPS * GROUP)
    for (const byte of randomBytes(GROUPS * GROUP)) if (byte < UNBIASED) characters.push(ALPHABET.charAt(byte % ALPHABET.length)); // the rest would favour some letters
  return Array.from({ length: GROUPS }, (_, group) => characters.slice(group * GROUP, (group + 1) * GROUP).join('')).join('-');
}

/** The fewest characters a zip's password may have: what 128 bits take in the alphabet above. */
export const PASSWORD_LENGTH_MIN = 26;
