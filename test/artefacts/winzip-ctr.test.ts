import { createCipheriv, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WinZipCtr } from '../../src/artefacts/winzip-ctr.ts';

/** The same by its definition, a block at a time: each counter, least significant byte first, encrypted, and laid over the text. */
function byDefinition(key: Buffer, plain: Buffer): Buffer {
  const result = Buffer.from(plain);
  for (let block = 0; block * 16 < plain.length; block += 1) {
    const counter = Buffer.alloc(16);
    let value = BigInt(block) + 1n;
    for (let at = 0; at < 16; at += 1, value >>= 8n) counter[at] = Number(value & 0xffn);
    const stream = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(counter);
    for (let at = 0; at < 16 && block * 16 + at < plain.length; at += 1) result[block * 16 + at]! ^= stream[at]!;
  }
  return result;
}

test('any text in any pieces is what its definition says', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), pieces, (secret, parts) => {
      const key = Buffer.from(secret);
      const cipher = new WinZipCtr(key);
      const whole = Buffer.concat(parts.map((part) => cipher.apply(Buffer.from(part))));
      expect(whole.toString('hex')).toBe(byDefinition(key, Buffer.concat(parts)).toString('hex'));
    }),
  );
});

test('more blocks than a counter of one or two bytes holds are counted on', () => {
  const key = randomBytes(32);
  const plain = randomBytes(16 * 70_000 + 5);
  const cipher = new WinZipCtr(key);
  const whole = Buffer.concat([0, 100_003, 1_000_000].map((from, nth, all) => cipher.apply(plain.subarray(from, all[nth + 1]))));
  expect(whole.equals(byDefinition(key, plain))).toBe(true);
});
