import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { chown, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './embedded-lock.ts';
import type { Binaries } from './embedded-binaries.ts';
import type { ServerUser } from './embedded-user.ts';

/** Where an embedded server lives and who runs it. */
export interface Site {
  home: string;
  data: string;
  logFile: string;
  binaries: Binaries;
  user: ServerUser | undefined;
  /** Further command-line flags of the server, such as ['-c', 'fsync=off']. */
  flags: string[];
}

/** Written to postgresql.conf once, so an operator can tune them there. */
const SETTINGS = {
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  wal_compression: 'on',
  max_connections: '60',
  password_encryption: 'scram-sha-256',
  // Errors reach the caller; in the log they would leave personal data behind, which quotes the values it refused.
  log_min_messages: 'log',
  log_error_verbosity: 'terse',
};

/**
 * Makes the data folder. It is made under another name and renamed when whole, so a killed first start begins anew;
 * under a new name each time, because a killed start's initdb may still be writing into its own.
 */
export async function makeDataFolder(site: Site, password: string): Promise<void> {
  const draft = `${site.data}.new-${randomBytes(4).toString('hex')}`;
  const passwordFile = `${draft}.password`;
  for (const name of await readdir(site.home)) {
    if (name.startsWith('postgres.new-')) await rm(join(site.home, name), { recursive: true, force: true }).catch(() => {});
  }
  await mkdir(draft, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' });
  if (site.user) for (const path of [draft, passwordFile]) await chown(path, site.user.uid, site.user.gid);
  // The built-in locale sorts and folds the same on every system, whatever locales that has.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8'];
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const sync = site.flags.includes('fsync=off') ? ['--no-sync'] : [];
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const { code, output } = await run(site, site.binaries.initdb, [
    '-D',
    draft,
    ...access,
    ...locale,
    ...settings,
    ...sync,
  ]).finally(() => rm(passwordFile, { force: true }));
  if (code !== 0) {
    throw new Error(
      `PostgreSQL could not make its data folder in ${draft}:\n${lastLines(output)}\nMend what it names and start again.`,
    );
  }
  await rename(draft, site.data);
}

/** Starts the server and waits until it takes connections. Undefined: it did; else the end of what it logged. */
export async function launch(site: Site, port: number): Promise<string | undefined> {
  const log = await open(site.logFile, 'a', 0o600);
  const { size: before } = await log.stat();
  await log.close();
  if (site.user) await chown(site.logFile, site.user.uid, site.user.gid);
  const own = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-p', String(port)];
  const flags = [...own, ...site.flags].map(quote).join(' ');
  const { code, output } = await run(site, site.binaries.pgCtl, [
    'start',
    '-w',
    '-t',
    '120',
    '-D',
    site.data,
    '-l',
    site.logFile,
    '-o',
    flags,
  ]);
  if (code === 0) return undefined;
  const logged = readFileSync(site.logFile).subarray(before).toString('utf8');
  return lastLines(logged) || lastLines(output);
}

export async function shutDown(site: Site): Promise<void> {
  const { code, output } = await run(site, site.binaries.pgCtl, ['stop', '-m', 'fast', '-w', '-t', '120', '-D', site.data]);
  if (code !== 0 && existsSync(join(site.data, 'postmaster.pid'))) {
    throw new Error(`The embedded PostgreSQL in ${site.data} did not stop:\n${lastLines(output)}`);
  }
}

/** The port of the server that runs on the data folder, as its lock file tells; undefined where none runs. */
export function runningPort(data: string): number | undefined {
  const [pid, , , port] = lockFile(data);
  return pid && isPostmaster(Number(pid), data) ? Number(port) : undefined;
}

/**
 * PostgreSQL itself replaces the lock file of a killed run, but not when that run's process id now belongs to another
 * program of the same user: it takes that for a server. Take the file away then; the shared memory still guards the data.
 */
export async function clearForeignLock(data: string): Promise<boolean> {
  const pid = Number(lockFile(data)[0]);
  if (!pid || !isAlive(pid) || isPostmaster(pid, data)) return false;
  await rm(join(data, 'postmaster.pid'), { force: true });
  return true;
}

/** A port nobody listens on: the wanted one, or any where that is taken or none is wanted. */
export async function freePort(wanted = 0): Promise<number> {
  const port = await new Promise<number | undefined>((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen(wanted, '127.0.0.1', () => {
      const { port: found } = probe.address() as AddressInfo;
      probe.close(() => resolve(found));
    });
  });
  if (port !== undefined) return port;
  if (wanted === 0)
    throw new Error('No free port on 127.0.0.1 for the embedded PostgreSQL: close some programs and start again.');
  return freePort();
}

/** After a restore by root the files belong to root, and the server's user could not read them. */
export async function giveTo(user: ServerUser, folder: string): Promise<void> {
  if (statSync(folder).uid === user.uid) return;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chown(join(entry.parentPath, entry.name), user.uid, user.gid);
  }
  // Last, so that an interrupted run does it again.
  await chown(folder, user.uid, user.gid);
}

function lockFile(data: string): string[] {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The server's working folder is its data folder. Where the system does not tell, any living process counts as the server. */
function isPostmaster(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data);
  } catch (error) {
    // In a container root may not ask this of another user's process; then its name must do.
    return (error as NodeJS.ErrnoException).code === 'EACCES' && nameOf(pid) === 'postgres';
  }
}

function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * glibc gives memory back to the system at each hundred kilobytes and takes it anew for the next page of an export: a fault for every 4 kB of it, half of a page's time where faults are
 * dear. A process of the server keeps up to so many bytes.
 */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: String(4 * 1024 ** 2), MALLOC_TRIM_THRESHOLD_: String(16 * 1024 ** 2) };

async function run(site: Site, program: string, args: string[]): Promise<{ code: number | null; output: string }> {
  const { HOME: _home, ...environment } = process.env;
  for (const name of Object.keys(environment)) if (name.startsWith('PG')) delete environment[name];
  const identity = site.user ? { uid: site.user.uid, gid: site.user.gid } : {};
  // Messages in English: some are matched. The working folder must be one that the server's user can enter.
  const child = spawn(program, args, {
    ...identity,
    cwd: site.user ? '/' : site.home,
    env: { ...environment, ...MALLOC, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`Cannot run ${program}: ${error.message}. Run npm ci again.`)));
    child.once('exit', (code) => void sleep(20).then(() => resolve({ code, output })));
  });
}

/** pg_ctl hands its -o to a shell. */
const quote = (flag: string): string => (process.platform === 'win32' ? `"${flag}"` : `'${flag.replaceAll("'", `'\\''`)}'`);

const lastLines = (text: string): string => text.trim().split('\n').slice(-8).join('\n');
