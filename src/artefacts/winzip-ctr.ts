import { createCipheriv, type Cipheriv } from 'node:crypto';

const BLOCK = 16;

/**
 * AES-256 in counter mode as WinZip's AE-1 and AE-2 count: from 1, least significant byte first, which no cipher of node:crypto does. The key stream is drawn
 * as the encrypted counters themselves, many at a time.
 */
export class WinZipCtr {
  readonly #cipher: Cipheriv;
  #next = 1;
  /** What of the last block's key stream is not used yet. */
  #left: Buffer = Buffer.alloc(0);

  constructor(key: Buffer) {
    this.#cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  }

  /** Encrypts, or decrypts, the next bytes. */
  apply(data: Buffer): Buffer {
    const stream = this.#draw(data.length);
    const result = Buffer.allocUnsafeSlow(data.length);
    const words = data.length >>> 2;
    data.copy(result);
    const out = new Uint32Array(result.buffer, 0, words);
    const key = new Uint32Array(stream.buffer, stream.byteOffset, words);
    for (let at = 0; at < words; at += 1) out[at]! ^= key[at]!;
    for (let at = words << 2; at < data.length; at += 1) result[at]! ^= stream[at]!;
    return result;
  }

  /** That many bytes of the key stream, from an offset that words can be read at. */
  #draw(length: number): Buffer {
    const lacking = Math.max(0, length - this.#left.length);
    const counters = Buffer.alloc(Math.ceil(lacking / BLOCK) * BLOCK);
    for (let at = 0; at < counters.length; at += BLOCK, this.#next += 1) counters.writeUIntLE(this.#next, at, 6);
    const stream = Buffer.allocUnsafeSlow(this.#left.length + counters.length);
    this.#left.copy(stream);
    this.#cipher.update(counters).copy(stream, this.#left.length);
    this.#left = stream.subarray(length);
    return stream;
  }
}
