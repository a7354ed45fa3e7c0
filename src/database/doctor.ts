import { randomBytes } from 'node:crypto';
import { mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DataSource } from 'typeorm';
import { MASTER_KEY_FILE, openKeyFile } from '../keys/key-file.ts';
import { isolationFindings } from './isolation.ts';
import { pendingMigrations } from './migrate.ts';

/** One thing that is wrong, with its mend. An `error` breaks isolation or running; a `warning` soon may. */
export interface Finding {
  severity: 'error' | 'warning';
  area: 'settings' | 'database' | 'isolation' | 'migrations' | 'keys' | 'store' | 'clock' | 'disk' | 'jobs';
  text: string;
}

const CLOCK_SECONDS = 5;
const LOW_DISK_BYTES = 1024 ** 3;

/** What is wrong with a database, as the runtime role sees it. `migrates`: the next start brings the schema up to date by itself. */
export async function databaseFindings(source: DataSource, now: () => number, migrates: boolean): Promise<Finding[]> {
  const findings: Finding[] = (await isolationFindings(source)).map((text) => ({ severity: 'error', area: 'isolation', text }));
  const closed = await closedTo(source);
  if (closed) return [...findings, closed];
  const pending = await pendingMigrations(source);
  if (pending.length)
    findings.push({
      severity: migrates ? 'warning' : 'error',
      area: 'migrations',
      text: `${pending.length} migrations are pending, ${pending[0]} first; run: habeas migrate${migrates ? ' (the next start does it, too)' : ''}`,
    });
  const before = now();
  const [clock] = (await source.query('select extract(epoch from clock_timestamp()) * 1000 as ms')) as { ms: string }[];
  // Half of the way there and back: what is left is the difference of the clocks.
  const skew = (Number(clock!.ms) - (before + now()) / 2) / 1000;
  if (Math.abs(skew) > CLOCK_SECONDS)
    findings.push({
      severity: 'warning',
      area: 'clock',
      text: `The clock of the database is ${Math.abs(skew).toFixed(0)} s ${skew > 0 ? 'ahead of' : 'behind'} this machine's; tokens and deadlines would go by two clocks. Turn on time synchronisation (NTP) on both`,
    });
  const [jobs] = (await source.query(
    `select to_regclass('jobs.queue') is not null and has_schema_privilege('jobs', 'usage') as there where to_regnamespace('jobs') is not null`,
  )) as { there: boolean }[];
  if (!jobs?.there && !pending.length)
    findings.push({
      severity: 'error',
      area: 'jobs',
      text: 'The schema of the job queue is missing or closed to the runtime role; run: habeas migrate',
    });
  return findings;
}

/** The tables were granted to the role that was named when they were made; another one can use none of them. */
async function closedTo(source: DataSource): Promise<Finding | undefined> {
  const [found] = (await source.query(
    `select quote_ident(current_user) as role, (
       select string_agg(distinct quote_ident(r.rolname), ', ') from aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
       where a.grantee <> c.relowner and a.privilege_type = 'SELECT') as granted
     from pg_class c where c.oid = to_regclass('tenants') and not has_table_privilege(c.oid, 'select')`,
  )) as { role: string; granted: string | null }[];
  if (!found) return undefined;
  const mend = found.granted
    ? `name ${found.granted} in HABEAS_DATABASE_URL, or run as its administrator: grant ${found.granted} to ${found.role}`
    : 'run: habeas migrate';
  return { severity: 'error', area: 'database', text: `The role ${found.role} may not use the tables; ${mend}` };
}

/** What is wrong with the master key file of a folder. `held`: the database holds keys that only an existing file can open. */
export async function keyFileFindings(folder: string, held: boolean): Promise<Finding[]> {
  const there = await stat(join(folder, MASTER_KEY_FILE)).then(
    () => true,
    (failure: NodeJS.ErrnoException) => failure.code !== 'ENOENT',
  );
  // The next start makes it.
  if (!there && !held) return [];
  return openKeyFile(folder, false).then(
    () => [],
    (failure: unknown) => [{ severity: 'error', area: 'keys', text: (failure as Error).message }],
  );
}

/** Whether a folder can be written, or made where it is not there yet, and has room. */
export async function storeFindings(folder: string): Promise<Finding[]> {
  const probe = join(folder, `.doctor-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(probe, '');
    await rm(probe);
  } catch (failure) {
    return [
      {
        severity: 'error',
        area: 'store',
        text: `The file store ${folder} cannot be written (${(failure as NodeJS.ErrnoException).code}); give it to this user, or set HABEAS_FILES`,
      },
    ];
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= LOW_DISK_BYTES) return [];
  return [
    {
      severity: 'warning',
      area: 'disk',
      text: `${dirname(probe)} has ${Math.round(free / 1024 ** 2)} MB free; exports and the embedded database need room. Free some, or move HABEAS_FILES`,
    },
  ];
}
