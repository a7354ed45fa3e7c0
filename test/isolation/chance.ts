/** Chance that a seed repeats (mulberry32), for worlds that differ from run to run and can be made again. */
export interface Chance {
  seed: number;
  below(limit: number): number;
  maybe(part: number): boolean;
  pick<T>(list: readonly T[]): T;
  some<T>(list: readonly T[], part: number): T[];
}

export function chance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    seed,
    below,
    maybe: (part) => next() < part,
    pick: (list) => list[below(list.length)]!,
    some: (list, part) => list.filter(() => next() < part),
  };
}

/** The seed of this run, printed so that a failure can be had again with HABEAS_SEED. */
export function seedOfRun(what: string): number {
  const seed = Number(process.env['HABEAS_SEED'] ?? Date.now() % 1_000_000_000);
  process.stderr.write(`${what}: HABEAS_SEED=${seed}\n`);
  return seed;
}
