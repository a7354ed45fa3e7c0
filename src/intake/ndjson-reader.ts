import { Worker } from 'node:worker_threads';
import { readPiece, type ReadPiece } from './ndjson-lines.ts';
import type { Piece } from './source-text.ts';

/** Reads pieces, and answers in the order in which they were given. */
export interface Reader {
  /** Takes the content with it. */
  read(piece: Piece): Promise<ReadPiece>;
  close(): Promise<void>;
}

/** Of a smaller source a thread would take longer to begin than to read. */
const WORTH_A_THREAD = 1 << 20;

/** A reader for a source of so many bytes: on this thread, or on one of its own, while this one seals and writes what was read before. */
export const openReader = (bytes: number): Reader => (bytes < WORTH_A_THREAD ? HERE : openThread());

const HERE: Reader = { read: async (piece) => readPiece(piece), close: async () => undefined };

function openThread(): Reader {
  const worker = new Worker(new URL(`./ndjson-thread${import.meta.url.slice(-3)}`, import.meta.url));
  const asked: { resolve: (read: ReadPiece) => void; reject: (error: unknown) => void }[] = [];
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    for (const one of asked.splice(0)) one.reject(failure);
  };
  worker.on('message', (said: string) => asked.shift()?.resolve(JSON.parse(said) as ReadPiece));
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('The thread that reads the source has ended')));
  return {
    read: (piece) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        asked.push({ resolve, reject });
        worker.postMessage(piece, [piece.content.buffer]);
      }),
    close: async () => void (await worker.terminate()),
  };
}
