import { setImmediate as nextTurn } from 'node:timers/promises';

const TURNS = 3;

/**
 * Waits for more of what is then done together: a few turns of the event loop, in which what has arrived is worked on. Under load they take a millisecond or
 * more, and bring company; where there is nothing else to do they take no time.
 */
export async function gather(isAll: () => boolean = () => false): Promise<void> {
  for (let turn = 0; turn < TURNS && !isAll(); turn += 1) await nextTurn();
}
