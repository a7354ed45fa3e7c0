import type { Duplex } from 'node:stream';

/**
 * Sends in one packet what a connection is given to send within one turn of the event loop. A write is a call of the kernel that wakes the database, and
 * pg makes one or more for each statement.
 */
export function sendTogether(stream: Duplex): void {
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
  let corked = false;
  const uncork = (): void => {
    corked = false;
    stream.uncork();
  };
  stream.write = (...given: unknown[]): boolean => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(uncork);
    }
    return write(...given);
  };
}
