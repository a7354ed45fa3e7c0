import type { Duplex } from 'node:stream';

/** What is larger goes out as it comes: it need not wait until what is done besides in this turn, such as the sealing of what comes next, has ended. */
const SMALL_BYTES = 16_384;

/**
 * Sends in one packet what a connection is given to send within one turn of the event loop. A write is a call of the kernel that wakes the database, and
 * pg makes one or more for each statement.
 */
export function sendTogether(stream: Duplex): void {
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
  let corked = false;
  const uncork = (): void => {
    if (!corked) return;
    corked = false;
    stream.uncork();
  };
  stream.write = (...given: unknown[]): boolean => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(uncork);
    }
    const goOn = write(...given);
    if (stream.writableLength > SMALL_BYTES) uncork();
    return goOn;
  };
}
