import { canonicalJson } from './canonical.ts';
import type { Checkpoint } from './checkpoint.ts';

/** The lines of an exported audit log, one JSON value each, in this order; the leaves in the order of the tree. */
export const LOG_SCHEMA = 'habeas-audit-log/1';

export interface HeaderLine {
  type: 'header';
  schema: typeof LOG_SCHEMA;
  tenant: string;
  /** SPKI PEM, or null while nothing is sealed. For people: a verifier trusts a key that it was given. */
  publicKey: string | null;
}

/** A sealed entry; `body` is the text that was hashed, null where the entry is gone and only its leaf remains. */
export interface EntryLine {
  type: 'entry';
  leafIndex: number;
  leafHash: string;
  id: string;
  body: string | null;
  /** What the columns of the row say, only where that is not what the body says. */
  columns?: unknown;
}

/** An entry that no checkpoint covers yet; `waiting` is false if it is not even in line for one. */
export interface UnsealedLine {
  type: 'unsealed';
  id: string;
  body: string | null;
  waiting: boolean;
  columns?: unknown;
}

export type CheckpointLine = { type: 'checkpoint' } & Checkpoint;

export interface EndLine {
  type: 'end';
  sealed: number;
  unsealed: number;
  checkpoints: number;
}

export type LogLine = HeaderLine | EntryLine | UnsealedLine | CheckpointLine | EndLine;

/** True if an entry read back from its columns is the one that its body was written from. */
export function columnsAgree(columns: unknown, body: string): boolean {
  return canonicalJson(columns) === body;
}
