import { open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { Refusal } from '../errors.ts';
import { fileBelow, unreadable, walkFolder } from './folder.ts';
import { openZip, ZIP_LIMITS, type ZipLimits } from './zip.ts';

/** An export to be read: a folder, a zip, or one file. */
export interface Source {
  /** Sorted by path; paths are relative, with forward slashes, without a top folder that all share. */
  files: SourceFile[];
  /** Opened by the path of a file that is no zip. */
  isSingle: boolean;
  /** The file of that path; for a source of one file, also a file beside it. Undefined where there is none, or outside of the source. */
  find(path: string): Promise<SourceFile | undefined>;
  close(): Promise<void>;
}

export interface SourceFile {
  path: string;
  /** Bytes, unpacked. */
  size: number;
  /** Opens the content; may be called any number of times until the source is closed. A damaged content ends in a Refusal that names the file. */
  open(): Promise<Readable>;
}

/** Opens a folder, a zip or a single file; refuses whatever could lead out of it, is broken, or is a zip bomb. */
export async function openSource(path: string, limits: Partial<ZipLimits> = {}): Promise<Source> {
  const found = await stat(path).catch((error: unknown) => {
    const why = ['ENOENT', 'ENOTDIR'].includes((error as { code?: string }).code ?? '') ? 'There is no' : 'Cannot read the';
    throw new Refusal('INVALID_INPUT', `${why} file or folder ${path}`);
  });
  if (found.isDirectory()) return listed(await walkFolder(path), async () => undefined);
  if (!found.isFile()) throw new Refusal('INVALID_INPUT', `Neither a file nor a folder: ${path}`);
  if (await looksZipped(path)) {
    const zip = await openZip(path, { ...ZIP_LIMITS, ...limits });
    return listed(zip.members, () => zip.close());
  }
  return single(path, found.size);
}

function listed(all: SourceFile[], close: () => Promise<void>): Source {
  const files = withoutTopFolder(all.filter((file) => !isLitter(file.path))).sort((a, b) => (a.path < b.path ? -1 : 1));
  const byPath = new Map(files.map((file) => [file.path, file]));
  return { files, isSingle: false, find: async (path) => byPath.get(posix.normalize(path)), close };
}

async function single(path: string, size: number): Promise<Source> {
  const real = await realpath(path);
  const file: SourceFile = { path: basename(path), size, open: () => readable(real) };
  const find = async (wanted: string): Promise<SourceFile | undefined> => {
    const normal = posix.normalize(wanted);
    if (normal === file.path) return file;
    if (isOutside(normal)) return undefined;
    return fileBelow(dirname(real), normal);
  };
  return { files: [file], isSingle: true, find, close: async () => undefined };
}

// Opened before it is read: what goes wrong is a Refusal, and not an event of the stream.
async function readable(real: string): Promise<Readable> {
  const file = await open(real).catch((error: unknown) => unreadable(basename(real), error));
  return file.createReadStream();
}

const isOutside = (path: string): boolean =>
  path === '..' ||
  path.startsWith('../') ||
  path.startsWith('/') ||
  path.includes('\\') ||
  path.includes('\0') ||
  /^[a-z]:/i.test(path);

/** What archivers and file managers leave behind. */
const isLitter = (path: string): boolean => path.split('/').some((part) => part === '__MACOSX' || part === '.DS_Store');

function withoutTopFolder(files: SourceFile[]): SourceFile[] {
  const first = files[0]?.path ?? '';
  const top = first.slice(0, first.indexOf('/') + 1);
  if (top === '' || !files.every((file) => file.path.startsWith(top))) return files;
  return files.map((file) => ({ ...file, path: file.path.slice(top.length) }));
}

async function looksZipped(path: string): Promise<boolean> {
  if (path.toLowerCase().endsWith('.zip')) return true;
  const file = await open(path, 'r').catch((error: unknown) => unreadable(basename(path), error));
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return ['504b0304', '504b0506'].includes(buffer.toString('hex'));
  } finally {
    await file.close();
  }
}
