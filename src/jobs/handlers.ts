import type { JobHandlers } from './worker.ts';

/** Which function does which job. */
export const HANDLERS: JobHandlers = {
  export: async () => undefined,
  erasure: async () => undefined,
  expiry: async () => undefined,
};
