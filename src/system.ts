import type { DataSource } from 'typeorm';
import type { FileStore } from './artefacts/file-store.ts';
import type { Config } from './config.ts';
import type { Db } from './database/db.ts';
import type { Queue } from './jobs/queue.ts';
import type { Keyring } from './keys/keyring.ts';

/** What one running process holds; made once, by the wiring, and handed down. */
export interface System {
  config: Config;
  source: DataSource;
  keys: Keyring;
  files: FileStore;
  queue: Queue;
  /** How many operations this process is answering, downloads apart. Jobs give way to them. */
  callers: { inside: number };
  /** Of a job at work: bounds how long its transactions may be silent, and throws before one commits if the job has been given to another worker. */
  lease?: { silence: string; hold: (db: Db) => Promise<void> };
  /** The clock, in milliseconds since the epoch; tests set their own. */
  now: () => number;
  /** Where unexpected failures go. Never given personal data. */
  log: {
    info: (fields: object, message: string) => void;
    warn: (fields: object, message: string) => void;
    error: (fields: object, message: string) => void;
  };
}
