import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import archiver from 'archiver';
import { Refusal } from '../errors.ts';
import { foldName, safeName } from './entry-names.ts';
import type { ByteSource } from './file-store.ts';
import { meter } from './meter.ts';
import type { Measure } from './meter.ts';
import { PASSWORD_LENGTH_MIN } from './password.ts';
import { EncryptedZip } from './zip-encrypted.ts';

/** What an entry holds: bytes, UTF-8 text, or a stream of either. */
export type EntryContent = ByteSource | Buffer | string;

export type ZipWriter = {
  /**
   * Writes one entry to its end, and tells its plain size and SHA-256. One at a time. Refuses (INVALID_INPUT) a path whose
   * segments are not safe names, and (CONFLICT) one that some file system would take for an earlier one. If the content
   * fails, so does the whole zip.
   */
  add(path: string, content: EntryContent): Promise<Measure>;
  /** Writes the directory and ends the output. Resolves once the output has taken everything. */
  finish(): Promise<void>;
  /** Gives up: destroys the output with the reason. */
  abort(reason: Error): void;
};

const ENCRYPTED = 'zip-encrypted';
const PATH_BYTES_MAX = 1_000;
/** Bytes a chunk of the deflated: every stage behind costs as much for a small chunk as for a large one. */
const DEFLATED = 256 * 1024;
/** Bytes by which what is written may be ahead of what is deflated: while a chunk is, the next are made. */
const AHEAD = 512 * 1024;

/**
 * Writes a zip to a stream, in constant memory but for some hundred bytes an entry, which the directory at its end takes. With a
 * password every entry is sealed with AES-256 (WinZip's AE-1: names, sizes and checksums of the plain bytes stay readable). Large zips are written as ZIP64.
 */
export function openZip(out: Writable, options: { password?: string } = {}): ZipWriter {
  const archive = createArchive(options.password);
  const stop = new AbortController();
  const fail = (error: Error): void => {
    if (stop.signal.aborted) return;
    stop.abort(error);
    archive.abort();
    archive.destroy();
    out.destroy(error);
  };
  const written = pipeline(archive, out);
  written.catch(fail); // the output may fail while an entry waits for its content
  archive.on('error', fail);

  const names = new Set<string>();
  let busy = false;
  return {
    async add(path, content) {
      stop.signal.throwIfAborted();
      if (busy) throw new Error('A zip takes one entry at a time.');
      claim(names, path);
      busy = true;
      try {
        return await append(archive, path, content, stop.signal);
      } catch (error) {
        fail(error as Error);
        throw stop.signal.reason;
      } finally {
        busy = false;
      }
    },
    async finish() {
      stop.signal.throwIfAborted();
      await Promise.all([archive.finalize(), written]);
    },
    abort: fail,
  };
}

function createArchive(password: string | undefined): archiver.Archiver {
  const zlib = { level: 5, chunkSize: DEFLATED };
  if (password === undefined) return archiver('zip', { zlib });
  if (password.length < PASSWORD_LENGTH_MIN)
    throw new Refusal('INVALID_INPUT', `The password of a zip has at least ${PASSWORD_LENGTH_MIN} characters.`);
  if (!archiver.isRegisteredFormat(ENCRYPTED)) archiver.registerFormat(ENCRYPTED, EncryptedZip);
  const settings = { zlib, encryptionMethod: 'aes256', password };
  return archiver(ENCRYPTED as 'zip', settings); // archiver's types know only the formats it comes with
}

/** Takes a path for itself; a folder and a file of one name cannot both be unpacked, so folders count as well. */
function claim(names: Set<string>, path: string): void {
  const segments = path.split('/');
  if (Buffer.byteLength(path) > PATH_BYTES_MAX || segments.some((segment) => segment === '' || safeName(segment) !== segment))
    throw new Refusal('INVALID_INPUT', 'The path of a zip entry consists of safe names.');
  const folded = segments.map(foldName);
  const folders = folded.slice(0, -1).map((_, depth) => folded.slice(0, depth + 1).join('/'));
  const file = folded.join('/');
  if (names.has(file) || names.has(`${file}/`) || folders.some((folder) => names.has(folder)))
    throw new Refusal('CONFLICT', 'The zip already has an entry of that name.');
  names.add(file);
  for (const folder of folders) names.add(`${folder}/`);
}

async function append(archive: archiver.Archiver, path: string, content: EntryContent, signal: AbortSignal): Promise<Measure> {
  const entry = { name: path, mode: 0o600 };
  const entered = once(archive, 'entry', { signal });
  if (typeof content === 'string' || Buffer.isBuffer(content)) {
    // A stream an entry costs half a millisecond, which thousands of small files feel.
    const bytes = Buffer.from(content);
    archive.append(bytes, entry);
    await entered;
    return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  }
  const { through, measure } = meter(AHEAD);
  archive.append(through, entry);
  await Promise.all([pipeline(content, through, { signal }), entered]);
  return measure();
}
