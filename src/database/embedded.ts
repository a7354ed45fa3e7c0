import { constants, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { access, chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findBinaries } from './embedded-binaries.ts';
import { withLock } from './embedded-lock.ts';
import { answering, isUsed, keepAlive, makeRoles, urlOf } from './embedded-roles.ts';
import { clearForeignLock, freePort, giveTo, launch, makeDataFolder, runningPort, shutDown } from './embedded-server.ts';
import type { Site } from './embedded-server.ts';
import { firstClosedFolder, serverUser } from './embedded-user.ts';
import { generateSecrets, readSecrets, secretsPath, writeSecrets } from './secrets.ts';
import type { DatabaseSecrets } from './secrets.ts';

/** A running embedded PostgreSQL, seen from one process that uses it. */
export interface EmbeddedDatabase {
  /** As superuser `postgres`: for maintenance only. */
  adminUrl: string;
  /** As `habeas_owner`, who owns the tables: for migrations. */
  ownerUrl: string;
  /** As `habeas_app`, who owns nothing: for the server. */
  runtimeUrl: string;
  /** False where a server was already running and is shared. */
  started: boolean;
  /** Stops the server, unless another process still uses it: the last one out stops it, whoever started it. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** The port wished for; another is taken, and logged, where it is in use. Default: the one of last time. */
  port?: number;
  log?: (line: string) => void;
  /** Further flags of the server, such as ['-c', 'fsync=off'] for tests. */
  flags?: string[];
}

type Log = (line: string) => void;

/** Starts the embedded PostgreSQL of a home folder, or joins the one that runs there; makes it on the first start. */
export async function startEmbedded(home: string, options: EmbeddedOptions = {}): Promise<EmbeddedDatabase> {
  const site = await prepare(resolve(home), options.flags ?? []);
  const lock = join(site.home, 'postgres.lock');
  const { secrets, started, leave } = await withLock(lock, async () => {
    const known = await knownSecrets(site);
    const adopted = await adopt(site, known);
    const found = adopted ?? (await start(site, known, options.port, options.log ?? (() => {})));
    if (found.port !== known.port) await writeSecrets(site.home, found);
    return { secrets: found, started: adopted === undefined, leave: await keepAlive(found) };
  });
  let stopped: Promise<void> | undefined;
  return {
    adminUrl: urlOf(secrets, 'postgres'),
    ownerUrl: urlOf(secrets, 'habeas_owner'),
    runtimeUrl: urlOf(secrets, 'habeas_app'),
    started,
    stop: () => (stopped ??= leave().then(() => withLock(lock, () => stopUnlessUsed(site, secrets)))),
  };
}

/** Everything that can be refused is asked before the first file is touched. */
async function prepare(home: string, flags: string[]): Promise<Site> {
  const data = join(home, 'postgres');
  const user = serverUser(data);
  const closed = firstClosedFolder(home, user);
  if (closed !== undefined && !(closed === home && isOurs(home))) {
    throw new Error(
      `PostgreSQL does not run as root but as ${user?.name}, who cannot enter ${closed}. Set HABEAS_HOME to a folder that ${user?.name} can enter, such as /var/lib/habeas.`,
    );
  }
  const binaries = await findBinaries(user);
  try {
    await mkdir(home, { recursive: true, mode: 0o711 });
    await access(home, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(
      `${home} cannot be written by this user (${(error as NodeJS.ErrnoException).code}). Set HABEAS_HOME to a folder of your own.`,
    );
  }
  // mkdir obeys the umask, and the server's user must pass through. Others still cannot list the folder.
  if (user && firstClosedFolder(home, user)) await chmod(home, 0o711);
  if (user && existsSync(data)) await giveTo(user, data);
  return { home, data, logFile: join(home, 'postgres.log'), binaries, user, flags };
}

/** Whether the home folder is empty or was made by us, so that opening it to the server's user opens nothing else. */
function isOurs(home: string): boolean {
  return statSync(home).uid === process.getuid?.() && (existsSync(secretsPath(home)) || readdirSync(home).length === 0);
}

/** The data folder appears whole, by a rename. An empty one, made by hand, is as good as none. */
const isMade = (data: string): boolean => existsSync(data) && readdirSync(data).length > 0;

async function knownSecrets(site: Site): Promise<DatabaseSecrets> {
  const known = await readSecrets(site.home);
  if (known) return known;
  if (isMade(site.data)) {
    throw new Error(
      `${site.data} holds a database, but ${secretsPath(site.home)} with its passwords is missing. Restore that file from a backup.`,
    );
  }
  const made = generateSecrets(await freePort());
  await writeSecrets(site.home, made);
  return made;
}

/** Joins the server that runs on the data folder: another habeas process's, or one that a killed process left behind. */
async function adopt(site: Site, known: DatabaseSecrets): Promise<DatabaseSecrets | undefined> {
  const port = runningPort(site.data);
  if (port === undefined) return undefined;
  const secrets = { ...known, port };
  const folder = await answering(secrets, () => runningPort(site.data) !== undefined);
  if (folder === undefined) return undefined;
  if (realpathSync(folder) !== realpathSync(site.data))
    throw new Error(`Port ${port} answers for ${folder} instead of ${site.data}. Stop that server.`);
  await makeRoles(secrets);
  return secrets;
}

async function start(site: Site, known: DatabaseSecrets, wished: number | undefined, log: Log): Promise<DatabaseSecrets> {
  if (!isMade(site.data)) {
    log(`Making the embedded PostgreSQL in ${site.data}`);
    await makeDataFolder(site, known.passwords.postgres);
  }
  if (await clearForeignLock(site.data)) log('Cleared the lock of a killed run, whose process id another program has now');
  const wanted = wished ?? known.port;
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(wanted);
    if (port !== wanted) log(`Port ${wanted} is used by another program; the embedded PostgreSQL takes port ${port} from now on`);
    const failure = await launch(site, port);
    if (failure === undefined) {
      const secrets = { ...known, port };
      await makeRoles(secrets);
      return secrets;
    }
    // Somebody took the port since it was asked for, or the last queries of a killed server are still ending.
    const passing = /Address already in use|shared memory block .* is still in use/.test(failure);
    if (!passing || attempt === 20)
      throw new Error(`The embedded PostgreSQL did not start. ${site.logFile} ends with:\n${failure}`);
    await sleep(500);
  }
}

async function stopUnlessUsed(site: Site, secrets: DatabaseSecrets): Promise<void> {
  if (runningPort(site.data) === undefined || (await isUsed(secrets))) return;
  await shutDown(site);
}
