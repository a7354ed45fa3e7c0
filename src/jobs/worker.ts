import { describe } from '../errors.ts';
import type { System } from '../system.ts';
import { underLease } from './lease.ts';
import { HEARTBEAT_EVERY_SECONDS, JOB_NAMES, type JobData, type JobName } from './queue.ts';

/** Runs one job; throws to have it tried again. `signal` aborts when the process is told to stop or the job has lost its lease. */
export type JobHandler = (system: System, data: JobData, signal: AbortSignal) => Promise<void>;
export type JobHandlers = Readonly<Record<JobName, JobHandler>>;

/** How often a queue is looked at: for whoever cannot be told of a new job, and for jobs whose time comes later. */
const POLL_SECONDS = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 1 };

/** Jobs of a queue that one process works on side by side; each has a worker of its own, which can be told that there is another. */
const AT_A_TIME: Readonly<Record<JobName, number>> = { export: 2, erasure: 2, expiry: 1 };

/** Works on every queue in this process. Answers how to stop. */
export async function startWorker(system: System, handlers: JobHandlers): Promise<() => Promise<void>> {
  for (const name of JOB_NAMES) for (let nth = 0; nth < AT_A_TIME[name]; nth += 1) await startOne(system, name, handlers[name]);
  return async () => {
    for (const name of JOB_NAMES) await system.queue.boss.offWork(name);
  };
}

async function startOne(system: System, name: JobName, handler: JobHandler): Promise<void> {
  const { boss } = system.queue;
  const options = {
    ...POLL_SECONDS,
    includeMetadata: true,
    heartbeatRefreshSeconds: HEARTBEAT_EVERY_SECONDS,
    groupConcurrency: system.config.limits.tenantJobs,
  } as const;
  const worker = await boss.work<JobData>(name, options, async ([job]) => {
    if (!job) return;
    try {
      await handler(underLease(system, { name, id: job.id, retryCount: job.retryCount }), job.data, job.signal);
    } catch (error) {
      system.log.error({ job: name, id: job.id, error: describe(error) }, 'a job failed and will be tried again');
      throw error;
    } finally {
      // Where there was one there may be another: it is looked for at once.
      boss.notifyWorker(worker);
    }
  });
}
