import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, opendir, rename, rm, stat, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Refusal } from '../errors.ts';
import { meter } from './meter.ts';
import type { Measure } from './meter.ts';

/** Where bytes come from: a stream, or anything that yields buffers or text (written as UTF-8). */
export type ByteSource = Readable | AsyncIterable<Buffer | string>;

/** An open file. It stays readable to the end even if it is removed meanwhile. Close it. */
export type StoredFile = {
  /** Bytes. */
  size: number;
  /** Reads `length` bytes at `offset`; fewer only where the file ends. */
  readAt(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
};

/**
 * A folder of files under opaque keys such as `<tenant id>/<kind>/<id>`. It keeps what it is given: seal first.
 * A malformed key is refused with INVALID_INPUT, an absent file with NOT_FOUND.
 */
export type FileStore = {
  /**
   * Stores the source whole under the key, replacing what was there, or leaves nothing: the bytes go to a temporary name,
   * reach the disk, and only then get their key. A full disk is refused with UNAVAILABLE; any other failure is rethrown.
   */
  write(key: string, source: ByteSource, options?: { signal?: AbortSignal }): Promise<Measure>;
  open(key: string): Promise<StoredFile>;
  /** Streams the file, or the bytes from `start` to `end`, both included. */
  read(key: string, range?: { start?: number; end?: number }): Promise<Readable>;
  /** Deletes the file; says whether there was one. */
  remove(key: string): Promise<boolean>;
  /** Bytes. */
  size(key: string): Promise<number>;
  /** When the file was written. */
  writtenAt(key: string): Promise<Date>;
  /** Every key below the prefix (a key's leading segments, or '' for all), in no particular order. */
  list(prefix: string): AsyncGenerator<string>;
  /** Deletes what writers killed before that time left behind; returns how many files. */
  sweepTemporary(olderThan: Date): Promise<number>;
};

// Lower case only, for file systems that fold case; no dots, so no climbing and no clash with the temporary folder.
const SEGMENT = /^[0-9a-z]+(?:-[0-9a-z]+)*$/;
const TEMPORARY = '.temporary';

/** Opens the store in a folder, making it (for its owner only) if it is missing. */
export async function openStore(root: string): Promise<FileStore> {
  await mkdir(join(root, TEMPORARY), { recursive: true, mode: 0o700 });
  const path = (key: string) => join(root, ...segmentsOf(key));
  return {
    write: async (key, source, options) => write(root, path(key), source, options?.signal),
    open: (key) => attempt(() => openFile(path(key))),
    read: (key, range = {}) =>
      attempt(async () => (await openRegular(path(key))).createReadStream({ ...range, highWaterMark: 256 * 1024 })),
    remove: async (key) => remove(path(key)),
    size: (key) => attempt(async () => regular(await stat(path(key))).size),
    writtenAt: (key) => attempt(async () => regular(await stat(path(key))).mtime),
    list: (prefix) => (prefix === '' ? list(root, '') : list(path(prefix), `${segmentsOf(prefix).join('/')}/`)),
    sweepTemporary: (olderThan) => sweep(join(root, TEMPORARY), olderThan),
  };
}

function segmentsOf(key: string): string[] {
  const segments = key.split('/');
  if (segments.length > 6 || !segments.every((segment) => segment.length <= 64 && SEGMENT.test(segment)))
    throw new Refusal('INVALID_INPUT', 'A file key is one to six segments of lower-case letters, digits and inner hyphens.');
  return segments;
}

async function write(root: string, path: string, source: ByteSource, signal?: AbortSignal): Promise<Measure> {
  const temporary = join(root, TEMPORARY, randomUUID());
  try {
    const { through, measure } = meter();
    const file = await open(temporary, 'wx', 0o600);
    try {
      await pipeline(
        source,
        through,
        async (chunks: AsyncIterable<Buffer>) => {
          for await (const chunk of chunks) await file.writeFile(chunk);
        },
        { signal },
      );
      await file.sync();
    } finally {
      await file.close();
    }
    const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rename(temporary, path);
    // A name is only as durable as the folder that holds it, and a new folder as the one above.
    await syncFolder(dirname(path));
    if (made)
      for (let above = dirname(dirname(path)); above.length >= root.length; above = dirname(above)) await syncFolder(above);
    return measure();
  } catch (error) {
    await rm(temporary, { force: true });
    if (['ENOSPC', 'EDQUOT'].includes(codeOf(error))) throw new Refusal('UNAVAILABLE', 'The file store is full.');
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    regular(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(path: string): Promise<StoredFile> {
  const file = await openRegular(path);
  const { size } = await file.stat();
  return {
    size,
    async readAt(offset, length) {
      const buffer = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    close: () => file.close(),
  };
}

async function remove(path: string): Promise<boolean> {
  try {
    await unlink(path);
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
  await syncFolder(dirname(path)); // an erasure that a power cut undoes is none
  return true;
}

async function* list(folder: string, prefix: string): AsyncGenerator<string> {
  let entries;
  try {
    entries = await opendir(folder);
  } catch (error) {
    if (isAbsent(error)) return;
    throw error;
  }
  for await (const entry of entries) {
    if (entry.name === TEMPORARY) continue;
    if (entry.isDirectory()) yield* list(join(folder, entry.name), `${prefix}${entry.name}/`);
    else if (entry.isFile()) yield prefix + entry.name;
  }
}

/** The time of a temporary file is that of its last write, so a slow writer at work is not swept. */
async function sweep(folder: string, olderThan: Date): Promise<number> {
  let swept = 0;
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    const found = await stat(path).catch(() => undefined); // its writer may finish meanwhile
    if (!found || found.mtimeMs >= olderThan.getTime()) continue;
    await rm(path, { force: true });
    swept += 1;
  }
  return swept;
}

function regular<T extends { isFile(): boolean }>(found: T): T {
  if (!found.isFile()) throw new Refusal('NOT_FOUND', 'No such file.');
  return found;
}

async function attempt<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isAbsent(error)) throw new Refusal('NOT_FOUND', 'No such file.');
    throw error;
  }
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException)?.code);
const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR'].includes(codeOf(error));
