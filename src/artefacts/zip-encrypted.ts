// @ts-expect-error -- the package ships no types
import encrypted from 'archiver-zip-encrypted';
// @ts-expect-error -- nor does this part of it
import aesStream from 'archiver-zip-encrypted/lib/aes/aes-hmac-etm-stream.js';
import { WinZipCtr } from './winzip-ctr.ts';

/** What we touch of an entry and of the writer inside the package. */
type Entry = { _offsets: { file: number }; getExtra(): Buffer; setExtra(extra: Buffer): void };
type Engine = Record<'_writeLocalFileHeader' | '_writeCentralFileHeader', (entry: Entry) => void>;
type Format = new (options: object) => { engine: Engine };

const ZIP64_FIELD = 28;
const LARGEST_32_BIT = 0xffff_ffff;

/** What we touch of the stream that seals an entry. */
interface AesStream {
  key: { aesKey: Buffer };
  hmac: { update(data: Buffer): void };
  totalSize: number;
  ensureHeaderSent(): void;
  push(data: Buffer): void;
  native?: WinZipCtr;
}

/** The package encrypts byte by byte in JavaScript, 14 to 24 MB a second, on the thread that does everything else (decision 0011). */
Object.assign((aesStream as { prototype: object }).prototype, {
  _transform(this: AesStream, data: Buffer, _encoding: string, done: () => void): void {
    this.ensureHeaderSent();
    const sealed = (this.native ??= new WinZipCtr(this.key.aesKey)).apply(data);
    this.hmac.update(sealed);
    this.push(sealed);
    this.totalSize += sealed.length;
    done();
  },
});

/**
 * archiver-zip-encrypted, mended in two more places. It keeps of every entry eleven bytes cut from a shared block, and with them the
 * block, 22 kB an entry. And for an entry above 4 GiB that begins below 4 GiB it repeats the offset in the ZIP64 field though the
 * header itself holds it (the field lists only what did not fit, APPNOTE 4.5.3); 7-Zip then reports "Headers Error".
 */
export class EncryptedZip extends (encrypted as Format) {
  constructor(options: object) {
    super(options);
    const { engine } = this;
    const writeLocal = engine._writeLocalFileHeader.bind(engine);
    engine._writeLocalFileHeader = (entry) => {
      writeLocal(entry);
      entry.setExtra(copied(entry.getExtra()));
    };
    const writeCentral = engine._writeCentralFileHeader.bind(engine);
    engine._writeCentralFileHeader = (entry) => {
      const set = entry.setExtra.bind(entry);
      // While it writes this header, the package sets the extra field only to append the ZIP64 field.
      entry.setExtra = (extra) => set(entry._offsets.file > LARGEST_32_BIT ? extra : withoutOffset(extra));
      writeCentral(entry);
    };
  }
}

/** A copy with memory of its own, which `Buffer.from` would not give. */
function copied(bytes: Buffer): Buffer {
  const copy = Buffer.alloc(bytes.length);
  bytes.copy(copy);
  return copy;
}

function withoutOffset(extra: Buffer): Buffer {
  const mended = Buffer.from(extra.subarray(0, -8));
  mended.writeUInt16LE(ZIP64_FIELD - 4 - 8, extra.length - ZIP64_FIELD + 2);
  return mended;
}
