import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseCheckpoint, readKeys } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { verifyLog } from './verifier.ts';
import type { VerifyReport } from './verifier.ts';
import { Refusal } from '../errors.ts';

/** Paths of what `habeas audit verify` works on. */
export interface VerifyFiles {
  /** An exported log, NDJSON. */
  log: string;
  /** One checkpoint or several, as they left the database: a JSON object or array, or one a line. */
  checkpoint: string;
  /** PEM; without it the key in the checkpoint file is trusted, as that file itself is. */
  publicKey?: string;
}

/** Verifies an exported log offline. The report says what was found; only unreadable arguments are refused. */
export async function verifyFiles(files: VerifyFiles): Promise<VerifyReport> {
  const held = readHeld(files.checkpoint, await read(files.checkpoint));
  const publicKey = files.publicKey === undefined ? undefined : await read(files.publicKey);
  if (publicKey !== undefined && readKeys(publicKey).size === 0) {
    throw new Refusal('INVALID_INPUT', `${files.publicKey} holds no Ed25519 public key in PEM.`);
  }
  const log = createReadStream(files.log);
  await new Promise<void>((resolve, reject) => log.once('open', () => resolve()).once('error', reject)).catch((error: Error) => {
    throw unreadable(files.log, error);
  });
  const lines = createInterface({ input: log, crlfDelay: Infinity });
  return verifyLog(lines, held, publicKey === undefined ? {} : { publicKey });
}

function readHeld(path: string, text: string): Checkpoint[] {
  const values =
    parse(text) ??
    text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(parse);
  const checkpoints = (Array.isArray(values) ? values : [values]).map(parseCheckpoint);
  if (checkpoints.length === 0 || checkpoints.includes(undefined)) {
    throw new Refusal('INVALID_INPUT', `${path} is not a checkpoint, nor a list of them.`);
  }
  return checkpoints.filter((checkpoint) => checkpoint !== undefined);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error as Error);
  }
}

function unreadable(path: string, error: Error): Refusal {
  const { code } = error as NodeJS.ErrnoException;
  return new Refusal(
    'INVALID_INPUT',
    `${path} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : (code ?? error.message)}.`,
  );
}
