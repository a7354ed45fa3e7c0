import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Waits for more of what is then done together: so many turns of the event loop, in which what has arrived is worked on, or fewer once `isAll` says that nothing
 * more can come. Under load they take a millisecond or more, and bring company; where there is nothing else to do they take no time.
 */
export async function gather(turns: number, isAll: () => boolean = () => false): Promise<void> {
  for (let turn = 0; turn < turns && !isAll(); turn += 1) await nextTurn();
}
