import { constants, type Dirent } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { Refusal } from '../errors.ts';

export interface FolderMember {
  path: string;
  size: number;
  open(): Promise<Readable>;
}

/** Every file below a folder. A link is followed only to a file, and only inside the folder. */
export async function walkFolder(folder: string): Promise<FolderMember[]> {
  const root = await realpath(folder);
  const members: FolderMember[] = [];
  const pending = [''];
  for (let prefix = pending.pop(); prefix !== undefined; prefix = pending.pop()) {
    const entries = await readdir(join(root, prefix), { withFileTypes: true }).catch((error: unknown) =>
      unreadable(prefix || folder, error),
    );
    for (const entry of entries) {
      const path = prefix + entry.name;
      if (entry.isDirectory()) pending.push(`${path}/`);
      else members.push(await member(root, path, entry));
    }
  }
  return members;
}

/** One file below a folder by its path, or undefined where there is none. */
export async function fileBelow(folder: string, path: string): Promise<FolderMember | undefined> {
  try {
    return await linkedFile(await realpath(folder), path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function member(root: string, path: string, entry: Dirent): Promise<FolderMember> {
  if (entry.isFile()) return regularFile(join(root, path), path).catch((error: unknown) => unreadable(path, error));
  if (!entry.isSymbolicLink()) throw new Refusal('INVALID_INPUT', `Not a file: ${path}`);
  try {
    return await linkedFile(root, path);
  } catch (error) {
    if (isMissing(error)) throw new Refusal('INVALID_INPUT', `A link to nothing: ${path}`);
    throw error;
  }
}

async function linkedFile(root: string, path: string): Promise<FolderMember> {
  const real = await realpath(join(root, path));
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new Refusal('INVALID_INPUT', `A link that leads out of the folder: ${path}`);
  }
  return regularFile(real, path);
}

async function regularFile(real: string, path: string): Promise<FolderMember> {
  const found = await stat(real);
  if (!found.isFile()) throw new Refusal('INVALID_INPUT', `Not a file: ${path}`);
  return {
    path,
    size: found.size,
    // O_NOFOLLOW: a file swapped for a link since then must not lead out either.
    open: async () => {
      const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => unreadable(path, error));
      return file.createReadStream();
    },
  };
}

/** Of a name that is not UTF-8, too: it reads as another one, which is not there. */
export function unreadable(path: string, error: unknown): never {
  if (error instanceof Refusal) throw error;
  throw new Refusal('INVALID_INPUT', `Cannot read ${path} (${(error as { code?: string }).code ?? 'unknown reason'}).`);
}

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as { code?: string }).code ?? '');
