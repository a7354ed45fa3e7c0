import { describe } from '../errors.ts';
import type { System } from '../system.ts';
import { underLease } from './lease.ts';
import { HEARTBEAT_EVERY_SECONDS, JOB_NAMES, type JobData, type JobName } from './queue.ts';

/** Runs one job; throws to have it tried again. `signal` aborts when the process is told to stop or the job has lost its lease. */
export type JobHandler = (system: System, data: JobData, signal: AbortSignal) => Promise<void>;
export type JobHandlers = Readonly<Record<JobName, JobHandler>>;

/** Works on every queue in this process, two exports and erasures at a time. Answers how to stop. */
export async function startWorker(system: System, handlers: JobHandlers): Promise<() => Promise<void>> {
  const { boss } = system.queue;
  for (const name of JOB_NAMES) {
    await boss.work<JobData>(
      name,
      {
        batchSize: 1,
        includeMetadata: true,
        heartbeatRefreshSeconds: HEARTBEAT_EVERY_SECONDS,
        pollingIntervalSeconds: 0.5,
        localConcurrency: name === 'expiry' ? 1 : 2,
        groupConcurrency: system.config.limits.tenantJobs,
      },
      async ([job]) => {
        if (!job) return;
        try {
          await handlers[name](underLease(system, { name, id: job.id, retryCount: job.retryCount }), job.data, job.signal);
        } catch (error) {
          system.log.error(
            {
              job: name,
              id: job.id,
              error: describe(error),
            },
            'a job failed and will be tried again',
          );
          throw error;
        }
      },
    );
  }
  return async () => {
    for (const name of JOB_NAMES) await boss.offWork(name);
  };
}
