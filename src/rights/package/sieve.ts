const BITS = 2 ** 26;

/**
 * Which messages a package holds or refers to, for the question whether one that was erased meanwhile is among them. Ten million ids as such would take
 * gigabytes; this takes 8 MB, never forgets one, and at that number takes one id in ten that it was not told for one that it was.
 */
export interface Sieve {
  add(messageId: string): void;
  mayHold(messageId: string): boolean;
}

export function openSieve(): Sieve {
  const bytes = new Uint8Array(BITS / 8);
  // The end of a UUIDv7 is random: two numbers of 28 bits of it.
  const bitsOf = (id: string): number[] =>
    [id.slice(22, 23) + id.slice(24, 30), id.slice(29, 36)].map((hex) => parseInt(hex, 16) % BITS);
  return {
    add(id) {
      for (const bit of bitsOf(id)) bytes[bit >>> 3]! |= 1 << (bit & 7);
    },
    mayHold: (id) => bitsOf(id).every((bit) => bytes[bit >>> 3]! & (1 << (bit & 7))),
  };
}
