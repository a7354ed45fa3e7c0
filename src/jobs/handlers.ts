import { runErasure } from '../rights/erasure/erasure.job.ts';
import { runExpiry } from '../data/artefact/expiry.job.ts';
import { planAccess } from '../rights/access/access.job.ts';
import { planAppExport } from '../rights/app-export/app-export.job.ts';
import { runExport } from '../rights/package/export.job.ts';
import { planPortability } from '../rights/portability/portability.job.ts';
import { RequestType } from '../rights/request.entity.ts';
import { resumeLostRequests } from '../rights/resume.ts';
import type { JobHandlers } from './worker.ts';

/** Which function does which job. */
export const HANDLERS: JobHandlers = {
  export: (system, data, signal) =>
    runExport(system, data, signal, {
      [RequestType.ACCESS]: planAccess,
      [RequestType.PORTABILITY]: planPortability,
      [RequestType.APP_EXPORT]: planAppExport,
    }),
  erasure: runErasure,
  expiry: async (system, data, signal) => {
    await runExpiry(system, data, signal);
    await resumeLostRequests(system, signal);
  },
};
