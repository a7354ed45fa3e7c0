import { Transform, type Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { Refusal } from '../errors.ts';

/** What a zip may unpack to before it is taken for a bomb. */
export interface ZipLimits {
  /** Bytes that all entries together may unpack to. */
  totalBytes: number;
  /** How many times its packed size an entry, and the whole zip, may unpack to ... */
  ratio: number;
  /** ... once it unpacks to more than this many bytes: small texts compress extremely well, and harm nobody. */
  ratioFrom: number;
  /** Entries: the directory is held in memory. */
  entries: number;
}

export const ZIP_LIMITS: ZipLimits = { totalBytes: 64 * 2 ** 30, ratio: 1000, ratioFrom: 100 * 2 ** 20, entries: 1_000_000 };

export interface ZipMember {
  path: string;
  size: number;
  open(): Promise<Readable>;
}

/** Reads the directory of a zip; contents are read in place, on demand, in any order, until `close`. */
export async function openZip(path: string, limits: ZipLimits): Promise<{ members: ZipMember[]; close(): Promise<void> }> {
  const zip = await yauzl.openPromise(path, { autoClose: false, decodeStrings: false }).catch((error: unknown) => {
    throw broken('the zip', error);
  });
  // An error after the last entry was read concerns one stream, which reports it itself.
  zip.on('error', () => undefined);
  try {
    return { members: await readDirectory(zip, limits), close: async () => zip.close() };
  } catch (error) {
    zip.close();
    throw error instanceof Refusal ? error : broken('the directory of the zip', error);
  }
}

async function readDirectory(zip: ZipFile, limits: ZipLimits): Promise<ZipMember[]> {
  const members: ZipMember[] = [];
  const seen = new Set<string>();
  let total = 0;
  for await (const entry of zip.eachEntry()) {
    if (members.length >= limits.entries)
      throw new Refusal('INVALID_INPUT', `The zip holds more than ${limits.entries} entries. Unpack it first.`);
    const name = checkedName(entry);
    if (name.endsWith('/')) continue;
    if (seen.has(name)) throw new Refusal('INVALID_INPUT', `The zip holds two entries of one name: ${name}`);
    seen.add(name);
    checkReadable(entry, name);
    total += entry.uncompressedSize;
    checkSize(entry.uncompressedSize, entry.compressedSize, name, limits);
    if (total > limits.totalBytes) throw bomb(name, `the zip unpacks to more than ${limits.totalBytes} bytes`);
    members.push({ path: name, size: entry.uncompressedSize, open: () => openEntry(zip, entry, name, limits) });
  }
  // Entries that share their packed bytes each look harmless: only the sum gives them away.
  checkSize(total, zip.fileSize, 'all entries together', limits);
  return members;
}

/** The name of an entry, refused if it could lead out of the folder it is unpacked to. */
function checkedName(entry: Entry): string {
  const name = decodeName(entry);
  const climbs = name.split('/').includes('..') || name.startsWith('/') || /^[a-z]:/i.test(name);
  if (climbs || name.includes('\\') || name.includes('\0') || name === '') {
    throw new Refusal('INVALID_INPUT', `The zip holds an entry whose name leads out of its folder: ${JSON.stringify(name)}`);
  }
  return name.replaceAll(/\/(?:\.?\/)+/g, '/').replace(/^(?:\.\/)+/, '');
}

const UNICODE_PATH = 0x7075;

// Many writers store UTF-8 names without saying so; read as code page 437, as the standard asks, they would be garbage.
function decodeName(entry: Entry): string {
  if (!entry.extraFields.some((field) => field.id === UNICODE_PATH)) {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(entry.fileNameRaw);
    } catch {
      // Not UTF-8: as the standard says, below.
    }
  }
  return yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
}

function checkReadable(entry: Entry, name: string): void {
  if (entry.isEncrypted()) throw new Refusal('INVALID_INPUT', `The zip is encrypted: ${name}. Unpack it first.`);
  if (!entry.canDecodeFileData()) {
    throw new Refusal(
      'INVALID_INPUT',
      `The zip packs ${name} by method ${entry.compressionMethod}; only stored and deflated are read.`,
    );
  }
  const unixType = (entry.externalFileAttributes >>> 16) & 0o170000;
  if (unixType === 0o120000) throw new Refusal('INVALID_INPUT', `The zip holds a symbolic link: ${name}`);
}

function checkSize(unpacked: number, packed: number, name: string, limits: ZipLimits): void {
  if (unpacked > limits.ratioFrom && unpacked > packed * limits.ratio) {
    throw bomb(name, `it unpacks to more than ${limits.ratio} times its packed size`);
  }
}

async function openEntry(zip: ZipFile, entry: Entry, name: string, limits: ZipLimits): Promise<Readable> {
  const packed = await zip.openReadStreamPromise(entry).catch((error: unknown) => {
    throw broken(name, error);
  });
  const guard = guarded(entry, name, limits);
  packed.once('error', (error) => guard.destroy(broken(name, error)));
  guard.once('close', () => packed.destroy());
  return packed.pipe(guard);
}

/** Believes no header: counts what really comes out, and compares its checksum. */
function guarded(entry: Entry, name: string, limits: ZipLimits): Transform {
  let bytes = 0;
  let checksum = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      checksum = crc32(chunk, checksum);
      try {
        if (bytes > entry.uncompressedSize) throw bomb(name, 'it unpacks to more than it says');
        checkSize(bytes, entry.compressedSize, name, limits);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
    flush(done) {
      const intact = bytes === entry.uncompressedSize && checksum === entry.crc32 >>> 0;
      done(intact ? null : broken(name, new Error('its checksum does not match')));
    },
  });
}

const bomb = (name: string, why: string): Refusal => new Refusal('INVALID_INPUT', `The zip may be a bomb: ${name}: ${why}.`);

function broken(what: string, error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new Refusal('INVALID_INPUT', `Cannot read ${what}: it is broken or cut short (${why}).`);
}
