import { createHash } from 'node:crypto';

/** Everything that looks random comes from a name, never from a clock or a counter: a new line elsewhere changes nothing here. */
export const digest = (name: string): string => createHash('sha256').update(`brightwater/${name}`).digest('hex');

/** An id as Slack writes them: a letter for the kind, then ten more. */
export const slackId = (kind: string, name: string): string =>
  `${kind}0BW${BigInt(`0x${digest(`${kind}/${name}`).slice(0, 12)}`)
    .toString(36)
    .toUpperCase()
    .padStart(7, '0')
    .slice(-7)}`;

export function uuid(name: string): string {
  const hex = digest(name);
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

export interface Chance {
  /** A whole number from `low` to `high`, both included. */
  int: (low: number, high: number) => number;
  pick: <T>(list: readonly T[]) => T;
}

/** A small seeded generator (mulberry32). */
export function chance(name: string): Chance {
  let state = parseInt(digest(name).slice(0, 8), 16);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return { int, pick: (list) => list[int(0, list.length - 1)]! };
}

const HOUR = 3_600_000;
const SUMMER_TIME = Date.UTC(2026, 2, 29, 1);

/** "03-02 09:04", as the clock on the wall in Utrecht shows it in 2026, in milliseconds since the epoch. */
export function wallClock(text: string): number {
  const match = /^(\d\d)-(\d\d) (\d\d):(\d\d)$/.exec(text);
  if (!match) throw new Error(`Not a time: ${text}`);
  const [month, day, hour, minute] = match.slice(1).map(Number) as [number, number, number, number];
  const winter = Date.UTC(2026, month - 1, day, hour, minute) - HOUR;
  return winter >= SUMMER_TIME ? winter - HOUR : winter;
}

/** Slack's time stamps are ids too: seconds, a dot and six digits. */
export const stamp = (at: number, name: string): string =>
  `${Math.floor(at / 1000)}.${String(parseInt(digest(`ts/${name}`).slice(0, 8), 16) % 1_000_000).padStart(6, '0')}`;
