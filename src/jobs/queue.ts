import { PgBoss, type Db as BossDb } from 'pg-boss';
import type { DataSource } from 'typeorm';
import type { Db } from '../database/db.ts';

/** The jobs there are; each has one handler in handlers.ts. */
export const JOB_NAMES = ['export', 'erasure', 'expiry'] as const;
export type JobName = (typeof JOB_NAMES)[number];

const SCHEMA = 'jobs';
/**
 * A worker is taken for dead after 10 s without a heartbeat, which is looked at every 5 s; its job then waits 1 to 8 s, the longer the oftener it
 * was tried. So the job of a dead worker runs again within 24 s: measured 13 to 22, the
 * start of the other worker and a busy machine included.
 */
const LEASE_SECONDS = 10;
const LOOK_EVERY_SECONDS = 5;
export const HEARTBEAT_EVERY_SECONDS = 3;
const QUEUE_OPTIONS = {
  retryLimit: 20,
  retryDelay: 1,
  retryDelayMax: 8,
  retryBackoff: true,
  heartbeatSeconds: LEASE_SECONDS,
  expireInSeconds: 12 * 3600,
  // A job that is enqueued wakes the workers as its transaction commits.
  notify: true,
};

/** What a job carries: ids and the scope it acts in, never content. */
export type JobData = Record<string, unknown>;

export interface Queue {
  /** Enqueues in the caller's transaction: no job without its row, no row without its job. */
  enqueue(db: Db, name: JobName, data: JobData, options?: { singletonKey?: string; startAfterSeconds?: number }): Promise<void>;
  boss: PgBoss;
}

function through(db: Db): BossDb {
  return {
    executeSql: async (text, values) => {
      const answer = (await db.query(text, values as unknown[])) as unknown[];
      // TypeORM answers [rows, count] for update and delete, rows otherwise.
      const rows = Array.isArray(answer[0]) && typeof answer[1] === 'number' ? answer[0] : answer;
      return { rows: rows as unknown[] };
    },
  };
}

function groupOf({ scope }: JobData): { group?: { id: string } } {
  const tenantId = (scope as { tenantId?: string } | undefined)?.tenantId;
  return tenantId ? { group: { id: tenantId } } : {};
}

/** Installs or upgrades the queue's own schema as the owner, makes the queues, and grants the runtime role their use. */
export async function installQueue(ownerUrl: string, owner: DataSource): Promise<void> {
  const boss = new PgBoss({ connectionString: ownerUrl, schema: SCHEMA, supervise: false, schedule: false, max: 2 });
  boss.on('error', () => undefined);
  await boss.start();
  try {
    for (const name of JOB_NAMES) {
      if (await boss.getQueue(name)) await boss.updateQueue(name, QUEUE_OPTIONS);
      else await boss.createQueue(name, QUEUE_OPTIONS);
    }
  } finally {
    await boss.stop({ graceful: false });
  }
  // The owner's connection carries the role's name as a setting, so that nothing is spliced into the statement.
  for (const grant of [
    `grant usage on schema ${SCHEMA}`,
    `grant select, insert, update, delete on all tables in schema ${SCHEMA}`,
    `grant usage on all sequences in schema ${SCHEMA}`,
    `grant execute on all functions in schema ${SCHEMA}`,
  ]) {
    await owner.query(`do $$ begin execute format('${grant} to %I', current_setting('habeas.runtime_role')); end $$`);
  }
}

/** Connects to the queue. `work` is true in a process that runs jobs, which then also looks after lost and expired ones. */
export async function openQueue(runtimeUrl: string, options: { work: boolean; onError: (error: Error) => void }): Promise<Queue> {
  const boss = new PgBoss({
    connectionString: runtimeUrl,
    schema: SCHEMA,
    migrate: false,
    createSchema: false,
    supervise: options.work,
    useListenNotify: options.work,
    schedule: false,
    reindex: false,
    superviseIntervalSeconds: LOOK_EVERY_SECONDS,
    monitorIntervalSeconds: LOOK_EVERY_SECONDS,
    max: 4,
    application_name: 'habeas jobs',
  });
  boss.on('error', options.onError);
  await boss.start();
  return {
    boss,
    enqueue: async (db, name, data, { singletonKey, startAfterSeconds } = {}) => {
      await boss.send(name, data, {
        db: through(db),
        // Jobs of one tenant are a group: the worker runs some of each at a time, so that nobody's thousand exports hold up another's one.
        ...groupOf(data),
        ...(singletonKey ? { singletonKey } : {}),
        ...(startAfterSeconds ? { startAfter: startAfterSeconds } : {}),
      });
    },
  };
}
