import { runErasure } from '../rights/erasure/erasure.job.ts';
import type { JobHandlers } from './worker.ts';

/** Which function does which job. */
export const HANDLERS: JobHandlers = {
  export: async () => undefined,
  erasure: runErasure,
  expiry: async () => undefined,
};
