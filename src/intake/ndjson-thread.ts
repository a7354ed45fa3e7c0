import { parentPort } from 'node:worker_threads';
import { readPiece } from './ndjson-lines.ts';
import type { Piece } from './source-text.ts';

/** Of a worker thread: a piece in, what its lines say out. As JSON, which is written and read several times as fast as objects are cloned. */
parentPort?.on('message', (piece: Piece) => parentPort?.postMessage(JSON.stringify(readPiece(piece))));
