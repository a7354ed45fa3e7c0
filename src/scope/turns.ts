import type { DataSource } from 'typeorm';

interface Turns {
  taken: number;
  waiting: (() => void)[];
}

const turns = new WeakMap<DataSource, Turns>();

/** Waits until fewer than `most` others hold a turn at a data source, first come, first served. Answers how to give the turn back. */
export async function takeTurn(source: DataSource, most: number): Promise<() => void> {
  const state = turns.get(source) ?? { taken: 0, waiting: [] };
  turns.set(source, state);
  if (state.taken >= most) await new Promise<void>((resolve) => state.waiting.push(resolve));
  else state.taken += 1;
  return () => {
    // Handed on to who waits longest, or given back.
    const next = state.waiting.shift();
    if (next) next();
    else state.taken -= 1;
  };
}
