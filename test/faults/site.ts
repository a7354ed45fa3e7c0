import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import type { RawRecord } from '../../src/intake/records.ts';
import { exportLog } from '../../src/audit/export.ts';
import { readCheckpoints } from '../../src/audit/stored-tree.ts';
import { openSigner } from '../../src/audit/signer.ts';
import { sealedSize } from '../../src/artefacts/sealed-stream.ts';
import { sealNow } from '../../src/audit/sealer.ts';
import { verifyLog } from '../../src/audit/verifier.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { openWorld, type World } from '../support/world.ts';
import type { BuiltHabeas, HabeasProcess } from './processes.ts';

export const LONG = process.env['HABEAS_LONG'] === '1';

/** What is asked of a world that other processes work on: this one only asks, and looks. */
export async function openSite(): Promise<World> {
  return openWorld({ work: false, environment: { HABEAS_LIMIT_OPEN_REQUESTS: '1000' } });
}

/** A worker, or a server that also works, on the world's database, keys and files. */
export async function startOn(
  world: World,
  habeas: BuiltHabeas,
  command: 'worker' | 'serve',
  more: Record<string, string> = {},
): Promise<HabeasProcess> {
  const started = habeas.start([command], { ...environmentOf(world), ...more });
  await started.until(command === 'serve' ? /Habeas serves / : /Habeas runs jobs/);
  return started;
}

export const environmentOf = (world: World): Record<string, string> => ({
  HABEAS_HOME: world.home,
  HABEAS_DATABASE_URL: world.database.runtimeUrl,
  HABEAS_POOL_SIZE: '8',
});

/** Waits until a question has an answer; none, `false`, 0 and '' are none yet. */
export async function until<T>(ask: () => Promise<T | undefined | false | null>, what: string, seconds = 60): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`Waited ${seconds} s in vain: ${what}`);
    await pause(25);
  }
}

/** Holds locks in a transaction of its own, so that whoever comes to them stops there. */
export interface Barrier {
  hold(sql: string, parameters?: unknown[]): Promise<void>;
  /** Waits until a process stands before it; false where the one that was expected has ended instead. */
  reached(expected?: HabeasProcess): Promise<boolean>;
  /** Lets go, and keeps what was done meanwhile. */
  commit(): Promise<void>;
  release(): Promise<void>;
}

export async function barrier(world: World): Promise<Barrier> {
  const client = new pg.Client({ connectionString: world.database.adminUrl, application_name: 'barrier' });
  await client.connect();
  await client.query('begin');
  await client.query(`set local lock_timeout = '20s'`);
  const [{ pid }] = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows as [{ pid: number }];
  return {
    hold: async (sql, parameters) => void (await client.query(sql, parameters)),
    reached: async (expected) => {
      const waiting = async (): Promise<boolean> =>
        (await world.sql('select 1 from pg_stat_activity where $1 = any (pg_blocking_pids(pid)) limit 1', [pid])).length > 0;
      const ended = (): boolean => typeof expected?.child.exitCode === 'number';
      await until(async () => ended() || (await waiting()), 'nobody came to the barrier');
      return !ended();
    },
    commit: async () => void (await client.query('commit')),
    release: async () => {
      await client.query('rollback');
      await client.end();
    },
  };
}

/** As if the lease of a dead worker had run out: the tests that measure how long that takes do not use it. */
export const expireLeases = (world: World): Promise<unknown> =>
  world.sql(`update jobs.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`);

/** Somebody with messages, files and the rest. */
export function person(name: string, messages: number): RawRecord[] {
  return [
    { type: 'user', externalId: name, profile: { displayName: `Person ${name}`, email: `${name}@mail.example` } },
    { type: 'conversation', externalId: `c-${name}`, kind: 'PERSONAL', participants: [{ user: name }] },
    ...Array.from({ length: messages }, (_, nth): RawRecord => ({
      type: 'message',
      externalId: `${name}-${nth}`,
      conversation: `c-${name}`,
      author: name,
      sentAt: new Date(Date.UTC(2026, 0, 1) + nth * 1000).toISOString(),
      body: `message ${nth} of ${name}`,
      ...(nth % 50 === 0 ? { reactions: [{ user: name, emoji: 'eyes' }] } : {}),
    })),
  ];
}

const everyFile = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** Runs the sweep as it will run when everything that lies in the store is older than it lets be. */
async function sweep(world: World): Promise<void> {
  for (const path of await everyFile(world.config.files)) await utimes(path, new Date(0), new Date(0));
  await HANDLERS.expiry(world.system, {}, new AbortController().signal);
}

/** What no fault may break, whatever was killed: asked once every request has ended. */
export async function expectSound(world: World, tenant: string): Promise<void> {
  const wrong = async (what: string, sql: string): Promise<void> => {
    const rows = await world.sql(sql, [tenant]);
    if (rows.length) throw new Error(`${what}: ${JSON.stringify(rows)}`);
  };
  await wrong(
    'open requests',
    `select id, type, status, stage from requests where tenant_id = $1 and status in ('RECEIVED', 'AWAITING_IDENTITY', 'READY', 'SCHEDULED', 'RUNNING')`,
  );
  await wrong(
    'requests that are not recorded as completed exactly once',
    `select r.id, r.type, r.status, count(e.id)::int as entries from requests r
     left join audit_entries e on e.tenant_id = r.tenant_id and e.targets ->> 'request' = r.id::text and e.act = lower(r.type) || '.completed'
     where r.tenant_id = $1 group by 1, 2, 3 having count(e.id) <> case when r.status in ('COMPLETED', 'PARTIALLY_COMPLETED') then 1 else 0 end`,
  );
  await wrong(
    'exports without exactly one file',
    `select r.id, r.status, count(a.id)::int as files from requests r left join artefacts a on a.tenant_id = r.tenant_id and a.request_id = r.id
     where r.tenant_id = $1 and r.type <> 'ERASURE' group by 1, 2 having count(a.id) <> case r.status when 'COMPLETED' then 1 else 0 end`,
  );
  await wrong(
    'rows or keys of erased people',
    `select e.target_id, m.n as messages, k.n as keys from erasures e
     cross join lateral (select count(*)::int as n from messages where tenant_id = $1 and (subject_id = e.target_id or author_id = e.target_id)) m
     cross join lateral (select count(*)::int as n from keys.subject_keys where tenant_id = $1 and subject_id = e.target_id) k
     where e.tenant_id = $1 and (m.n > 0 or k.n > 0 or exists (select 1 from users u where u.tenant_id = $1 and u.id = e.target_id))`,
  );
  await wrong('files still doomed', 'select name from doomed_files where tenant_id = $1');
  await expectFiles(world, tenant);
  await expectLog(world, tenant);
}

/** After the sweep, the store holds exactly the files that rows know, whole, and nothing half-written. */
async function expectFiles(world: World, tenant: string): Promise<void> {
  await sweep(world);
  const known = (await world.sql(
    `select 'artefacts/' || id as name, size::text from artefacts where tenant_id = $1 and deleted_at is null
     union all select 'attachments/' || id, null from attachments where tenant_id = $1 and stored`,
    [tenant],
  )) as { name: string; size: string | null }[];
  const sizes = new Map(known.map(({ name, size }) => [name, size]));
  const found: string[] = [];
  for (const kind of ['artefacts', 'attachments'])
    for await (const key of world.system.files.list(`${tenant}/${kind}`)) {
      const name = key.slice(tenant.length + 1);
      found.push(name);
      const size = sizes.get(name);
      if (size && sealedSize(Number(size)) !== (await world.system.files.size(key)))
        throw new Error(`${name} is not as long as its row says`);
    }
  const [is, must] = [found.sort().join('\n'), [...sizes.keys()].sort().join('\n')];
  if (is !== must) throw new Error(`The store holds\n${is}\nand should hold\n${must}`);
  // One may be written at this moment, of a checkpoint; what was left half-written stays.
  const temporary = join(world.config.files, '.temporary');
  await until(async () => (await everyFile(temporary)).length === 0, 'no half-written files', 5);
}

/** The log, sealed to its end, verifies from every checkpoint there ever was, and each of those lies in the store. */
async function expectLog(world: World, tenant: string): Promise<void> {
  const signer = await openSigner(world.config.keys);
  await sealNow(world.system, signer, tenant);
  const lines: string[] = [];
  const checkpoints = await inScope(world.system, { ...world.cli, tenantId: tenant }, async ({ db }) => {
    await exportLog(db, tenant, async (line) => void lines.push(line.trimEnd()));
    return readCheckpoints(db, 'where tenant_id = $1', [tenant]);
  });
  const published: string[] = [];
  for await (const key of world.system.files.list(`${tenant}/checkpoints`)) published.push(key);
  if (published.length !== checkpoints.length)
    throw new Error(`${checkpoints.length} checkpoints, ${published.length} in the store`);
  const { ok, findings } = await verifyLog(lines, checkpoints, { publicKey: signer.publicKey });
  if (!ok) throw new Error(`The audit log does not verify: ${JSON.stringify(findings.slice(0, 3))}`);
}
