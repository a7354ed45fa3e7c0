import type { Db } from '../database/db.ts';
import type { System } from '../system.ts';
import type { JobName } from './queue.ts';

/** Which attempt at which job: the queue counts the attempts, so that an older one can be told from the one that holds the job now. */
export interface Claim {
  name: JobName;
  id: string;
  retryCount: number;
}

/** The job was given to another worker meanwhile, because this one was silent for too long. */
export class LeaseLost extends Error {
  override name = 'LeaseLost';
}

/** Shorter than the queue waits for a heartbeat: a transaction of a silent worker is over, and its locks are free, before another takes the job. */
const SILENCE = '8s';

/**
 * The system as one attempt at a job sees it: none of its transactions commits once the job has been taken from it. A worker that was stopped
 * (SIGSTOP, a laptop's lid, a paused machine) wakes without knowing how long it slept, so it is the database that is asked, last of all.
 */
export function underLease(system: System, claim: Claim): System {
  return {
    ...system,
    lease: {
      silence: `select set_config('idle_in_transaction_session_timeout', '${SILENCE}', true)`,
      hold: (db) => requireClaim(db, claim),
    },
  };
}

async function requireClaim(db: Db, { name, id, retryCount }: Claim): Promise<void> {
  const rows = (await db.query(`select 1 from jobs.job where name = $1 and id = $2 and state = 'active' and retry_count = $3`, [
    name,
    id,
    retryCount,
  ])) as unknown[];
  if (!rows.length) throw new LeaseLost('Another worker has this job.');
}
