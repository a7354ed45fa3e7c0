import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** The system user that runs the server, where it is not the current one. */
export interface ServerUser {
  name: string;
  uid: number;
  gid: number;
}

/**
 * PostgreSQL refuses to run as root. Then the owner of an existing data folder runs it, or else user `postgres`, which
 * is made where it is absent. Undefined: the current user runs it.
 */
export function serverUser(dataFolder: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(dataFolder, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { name: `user ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  return findPostgres() ?? makePostgres();
}

/** The first folder on the way to `path` (itself included) that the user cannot enter; folders yet to be made do not count. */
export function firstClosedFolder(path: string, user: ServerUser | undefined): string | undefined {
  if (!user) return undefined;
  const folders: string[] = [];
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if (statSync(folder, { throwIfNoEntry: false })) folders.unshift(folder);
    if (dirname(folder) === folder) break;
  }
  // Asked of the kernel as that user: modes alone would miss access lists and mount options.
  const script = 'for folder; do [ -x "$folder" ] || { printf %s "$folder"; exit 0; }; done';
  const asked = spawnSync('/bin/sh', ['-c', script, 'sh', ...folders], {
    uid: user.uid,
    gid: user.gid,
    cwd: '/',
    encoding: 'utf8',
  });
  if (asked.error) throw new Error(`Cannot run a program as ${user.name}, who must run PostgreSQL: ${asked.error.message}`);
  return asked.stdout || undefined;
}

function findPostgres(): ServerUser | undefined {
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'postgres');
  return entry ? { name: 'user postgres', uid: Number(entry[2]), gid: Number(entry[3]) } : undefined;
}

function makePostgres(): ServerUser {
  // By their full paths: a service's PATH may lack them. groupadd fails where the group exists already, which is as good.
  const programs = { groupadd: '/usr/sbin/groupadd', useradd: '/usr/sbin/useradd' };
  const account = ['--system', '--gid', 'postgres', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'];
  spawnSync(programs.groupadd, ['--system', 'postgres']);
  const made = spawnSync(programs.useradd, account, { encoding: 'utf8' });
  const user = findPostgres();
  if (user) return user;
  const reason = made.error?.message ?? made.stderr.trim();
  throw new Error(
    `PostgreSQL does not run as root, and user postgres could not be made (${reason}). Make that user, or run habeas as another user than root.`,
  );
}
