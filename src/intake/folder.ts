import { constants, createReadStream, type Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
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
    for (const entry of await readdir(join(root, prefix), { withFileTypes: true })) {
      const path = prefix + entry.name;
      if (entry.isDirectory()) pending.push(`${path}/`);
      else members.push(await member(root, path, entry));
    }
  }
  return members;
}

/** One file below a folder by its path, or undefined where there is none. */
export async function fileBelow(folder: string, path: string): Promise<FolderMember | undefined> {
  const root = await realpath(folder);
  try {
    return await regularFile(root, path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function member(root: string, path: string, entry: Dirent): Promise<FolderMember> {
  if (!entry.isFile() && !entry.isSymbolicLink()) throw new Refusal('INVALID_INPUT', `Not a file: ${path}`);
  try {
    return await regularFile(root, path);
  } catch (error) {
    if (isMissing(error)) throw new Refusal('INVALID_INPUT', `A link to nothing: ${path}`);
    throw error;
  }
}

async function regularFile(root: string, path: string): Promise<FolderMember> {
  const real = await realpath(join(root, path));
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new Refusal('INVALID_INPUT', `A link that leads out of the folder: ${path}`);
  }
  const { size, isFile } = await stat(real).then((found) => ({ size: found.size, isFile: found.isFile() }));
  if (!isFile) throw new Refusal('INVALID_INPUT', `A link to something that is not a file: ${path}`);
  // O_NOFOLLOW: a file swapped for a link since then must not lead out either.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
  // @types/node knows only the textual flags here; the numbers work and are the only way to say O_NOFOLLOW.
  return { path, size, open: async () => createReadStream(real, { flags: flags as unknown as string }) };
}

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as { code?: string }).code ?? '');
