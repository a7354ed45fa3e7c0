import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Readable, Transform } from 'node:stream';

/*
 * A sealed file is a header and then chunks, each its own AES-256-GCM message, so that any range can be read and checked
 * without the rest (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015):
 *
 *   header  "HBS" 0x01, 32 bytes of salt, 7 bytes of nonce prefix
 *   chunk   up to 65,536 bytes sealed, then the 16 byte tag; all full but the last; an empty file has one empty chunk
 *   nonce   prefix, number of the chunk (4 bytes, big endian), 1 in the last chunk and 0 in every other
 *   key     HKDF-SHA-256(key, salt, "habeas sealed stream 1" 0x00 context), so that no two files share one
 *   AAD     header
 *
 * The number refuses reordering, the flag truncation, salt and context a chunk of another file or a whole other file.
 */
const MAGIC = Buffer.from([0x48, 0x42, 0x53, 0x01]);
const SALT = 32;
const PREFIX = 7;
const HEADER = MAGIC.length + SALT + PREFIX;
const CHUNK = 65_536;
const TAG = 16;
const MOST_CHUNKS = 2 ** 32;
const CHUNKS_A_READ = 16;

/** A sealed file that is not what was written: changed, cut, swapped, or opened with another key or context. */
export class BrokenSeal extends Error {
  override name = 'BrokenSeal';
}

/** What a sealed file is read from; `StoredFile` of the file store is one. */
export type RandomAccess = {
  /** Reads `length` bytes at `offset`; fewer only where the file ends. */
  readAt(offset: number, length: number): Promise<Buffer>;
  close?(): Promise<void>;
};

/** Bytes that `plainSize` bytes take up when sealed. */
export function sealedSize(plainSize: number): number {
  return HEADER + plainSize + TAG * chunksOf(plainSize);
}

/**
 * Seals what is written to it under a 32 byte key, in chunks, in constant memory. The context says what the file is (tenant,
 * kind, id) and must be given again to open it.
 */
export function sealStream(key: Buffer, context: string): Transform {
  const salt = randomBytes(SALT);
  const prefix = randomBytes(PREFIX);
  const header = Buffer.concat([MAGIC, salt, prefix]);
  const fileKey = deriveKey(key, salt, context);
  let waiting: Buffer[] = [];
  let waitingSize = 0;
  let index = 0;

  const seal = (plain: Buffer, last: boolean): Buffer => {
    if (index >= MOST_CHUNKS) throw new RangeError('A sealed stream holds at most 256 TiB.');
    const cipher = createCipheriv('aes-256-gcm', fileKey, nonce(prefix, index, last)).setAAD(header);
    index += 1;
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };

  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      waiting.push(chunk);
      waitingSize += chunk.length;
      if (waitingSize <= CHUNK) return done(); // a full chunk waits: it may be the last
      const plain = Buffer.concat(waiting, waitingSize);
      let from = 0;
      for (; plain.length - from > CHUNK; from += CHUNK) this.push(seal(plain.subarray(from, from + CHUNK), false));
      waiting = [plain.subarray(from)];
      waitingSize = plain.length - from;
      done();
    },
    flush(done) {
      done(null, seal(Buffer.concat(waiting, waitingSize), true));
    },
  });
  stream.push(header);
  return stream;
}

/**
 * Opens a sealed file of `plainSize` bytes, or the bytes from `start` to `end` of it, both included, counted from 0. Each chunk is
 * verified before a byte of it leaves; a failure ends the stream with `BrokenSeal`. The source is closed at the end.
 */
export function openSealed(
  key: Buffer,
  context: string,
  source: RandomAccess,
  plainSize: number,
  range: { start?: number; end?: number } = {},
): Readable {
  return Readable.from(unseal(key, context, source, plainSize, range.start ?? 0, range.end ?? plainSize - 1), {
    objectMode: false,
  });
}

async function* unseal(
  key: Buffer,
  context: string,
  source: RandomAccess,
  plainSize: number,
  start: number,
  end: number,
): AsyncGenerator<Buffer> {
  try {
    if (start < 0 || end >= plainSize || start > end + 1) throw new RangeError('The range lies outside the file.');
    const header = await source.readAt(0, HEADER);
    if (header.length < HEADER || !header.subarray(0, MAGIC.length).equals(MAGIC))
      throw new BrokenSeal('This is not a sealed file of a known version.');
    const prefix = header.subarray(MAGIC.length + SALT);
    const fileKey = deriveKey(key, header.subarray(MAGIC.length, MAGIC.length + SALT), context);
    const lastChunk = chunksOf(plainSize) - 1;
    const toChunk = Math.floor(Math.max(end, 0) / CHUNK);
    for (let first = Math.floor(start / CHUNK); first <= toChunk; first += CHUNKS_A_READ) {
      const count = Math.min(CHUNKS_A_READ, toChunk - first + 1);
      const sealed = await source.readAt(HEADER + first * (CHUNK + TAG), count * (CHUNK + TAG));
      for (let n = 0; n < count; n += 1) {
        const index = first + n;
        const plainLength = index === lastChunk ? plainSize - index * CHUNK : CHUNK;
        const from = n * (CHUNK + TAG);
        const plain = openChunk(
          fileKey,
          nonce(prefix, index, index === lastChunk),
          header,
          sealed.subarray(from, from + plainLength + TAG),
          plainLength,
        );
        const low = Math.max(start - index * CHUNK, 0);
        const high = Math.min(end - index * CHUNK + 1, plainLength);
        if (high > low) yield plain.subarray(low, high);
      }
    }
  } finally {
    await source.close?.();
  }
}

function openChunk(key: Buffer, iv: Buffer, header: Buffer, sealed: Buffer, plainLength: number): Buffer {
  if (sealed.length < plainLength + TAG) throw new BrokenSeal('The sealed file is shorter than what was written.');
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG });
  decipher.setAAD(header).setAuthTag(sealed.subarray(plainLength));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, plainLength)), decipher.final()]);
  } catch {
    throw new BrokenSeal('The sealed file was changed, or belongs to another key or context.');
  }
}

function deriveKey(key: Buffer, salt: Buffer, context: string): Buffer {
  if (key.length !== 32) throw new RangeError('A sealing key has 32 bytes.');
  return Buffer.from(hkdfSync('sha256', key, salt, sealingInfo(context), 32));
}

// HKDF takes at most 1,024 bytes of info in Node; a context is a few ids.
const sealingInfo = (context: string): Buffer => Buffer.from(`habeas sealed stream 1\0${context}`);

function nonce(prefix: Buffer, index: number, last: boolean): Buffer {
  const iv = Buffer.alloc(12);
  prefix.copy(iv);
  iv.writeUInt32BE(index, PREFIX);
  iv[11] = last ? 1 : 0;
  return iv;
}

const chunksOf = (plainSize: number): number => Math.max(1, Math.ceil(plainSize / CHUNK));
