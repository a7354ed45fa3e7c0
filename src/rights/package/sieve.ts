import type { PackedColumn } from '../../database/packed.ts';

const BITS = 2 ** 26;

/**
 * Which messages a package holds or refers to, for the question whether one that was erased meanwhile is among them. Ten million ids as such would take
 * gigabytes; this takes 8 MB, never forgets one, and at that number takes one id in ten that it was not told for one that it was.
 */
export interface Sieve {
  add(messageId: string): void;
  /** The ids of a column. */
  addAll(messageIds: PackedColumn): void;
  mayHold(messageId: string): boolean;
}

export function openSieve(): Sieve {
  const sieve = new Uint8Array(BITS / 8);
  const add = (bytes: Buffer, at: number): void => {
    for (let offset = FIRST; offset <= SECOND; offset += SECOND - FIRST) {
      const bit = bytes.readUInt32BE(at + offset) % BITS;
      sieve[bit >>> 3]! |= 1 << (bit & 7);
    }
  };
  return {
    add: (id) => add(bytesOf(id), 0),
    addAll({ bytes, start }) {
      for (const at of start) if (at >= 0) add(bytes, at);
    },
    mayHold(id) {
      const bytes = bytesOf(id);
      return [FIRST, SECOND].every((offset) => {
        const bit = bytes.readUInt32BE(offset) % BITS;
        return sieve[bit >>> 3]! & (1 << (bit & 7));
      });
    },
  };
}

/** The end of a UUIDv7 is random: two numbers of 26 bits of it, from the words at these bytes. */
const FIRST = 9;
const SECOND = 12;

const bytesOf = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');
