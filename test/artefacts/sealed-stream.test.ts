import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BrokenSeal, openSealed, sealStream, sealedSize } from '../../src/artefacts/sealed-stream.ts';
import { all, check } from './support.ts';

const CHUNK = 65_536;
const HEADER = 43;
const key = randomBytes(32);

const seal = (plain: Buffer, context = 'one', pieces = 10_000) => {
  const chunks = Array.from({ length: Math.ceil(plain.length / pieces) }, (_, n) => plain.subarray(n * pieces, (n + 1) * pieces));
  return all(Readable.from(chunks).pipe(sealStream(key, context)));
};
const source = (bytes: Buffer) => ({ readAt: async (offset: number, length: number) => bytes.subarray(offset, offset + length) });
const unseal = (bytes: Buffer, size: number, range?: { start?: number; end?: number }, context = 'one', under = key) =>
  all(openSealed(under, context, source(bytes), size, range));

test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7, 40 * CHUNK])(
  '%i bytes come back as they went in',
  async (size) => {
    const plain = randomBytes(size);
    const sealed = await seal(plain);
    expect(sealed.length).toBe(sealedSize(size));
    expect((await unseal(sealed, size)).equals(plain)).toBe(true);
  },
);

test('the plain bytes are nowhere in the sealed file, and sealing twice gives two files', async () => {
  const plain = Buffer.alloc(CHUNK * 2, 'a secret sentence. ');
  const sealed = await seal(plain);
  expect(sealed.includes('a secret')).toBe(false);
  expect(sealed.equals(await seal(plain))).toBe(false);
});

test('any range is what the same range of the plain bytes is', async () => {
  const plain = randomBytes(20 * CHUNK + 123);
  const sealed = await seal(plain, 'one', 300_000);
  await check(
    fc.asyncProperty(fc.nat(plain.length - 1), fc.nat(3 * CHUNK), async (start, length) => {
      const end = Math.min(start + length, plain.length - 1);
      expect((await unseal(sealed, plain.length, { start, end })).equals(plain.subarray(start, end + 1))).toBe(true);
    }),
    200,
  );
  expect((await unseal(sealed, plain.length, { start: plain.length - 1 })).equals(plain.subarray(-1))).toBe(true);
});

test('a range outside the file is a mistake of the caller', async () => {
  const sealed = await seal(randomBytes(10));
  await expect(unseal(sealed, 10, { start: 0, end: 10 })).rejects.toThrow(RangeError);
  await expect(unseal(sealed, 10, { start: -1 })).rejects.toThrow(RangeError);
});

test('any changed bit is found', async () => {
  const plain = randomBytes(2 * CHUNK + 5);
  const sealed = await seal(plain);
  await check(
    fc.asyncProperty(fc.nat(sealed.length - 1), fc.nat(7), async (at, bit) => {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1 << bit;
      await expect(unseal(changed, plain.length)).rejects.toThrow(BrokenSeal);
    }),
    100,
  );
});

test('a file that was cut is refused, at whatever place, and also where the size was cut with it', async () => {
  const plain = randomBytes(2 * CHUNK);
  const sealed = await seal(plain);
  for (const length of [0, 10, HEADER, HEADER + 16, HEADER + CHUNK + 16, sealed.length - 1])
    await expect(unseal(sealed.subarray(0, length), plain.length)).rejects.toThrow(BrokenSeal);
  await expect(unseal(sealed.subarray(0, HEADER + CHUNK + 16), CHUNK)).rejects.toThrow(BrokenSeal);
  await expect(unseal(sealed, CHUNK)).rejects.toThrow(BrokenSeal);
});

test('chunks that changed places are refused', async () => {
  const sealed = await seal(randomBytes(3 * CHUNK));
  const step = CHUNK + 16;
  const [head, first, second, rest] = [0, HEADER, HEADER + step, HEADER + 2 * step].map((from, n, at) =>
    sealed.subarray(from, at[n + 1]),
  );
  await expect(unseal(Buffer.concat([head!, second!, first!, rest!]), 3 * CHUNK)).rejects.toThrow(BrokenSeal);
});

test('a chunk or a whole file of another, another context and another key are refused', async () => {
  const [a, b] = [await seal(randomBytes(100)), await seal(randomBytes(100))];
  await expect(unseal(Buffer.concat([a.subarray(0, HEADER), b.subarray(HEADER)]), 100)).rejects.toThrow(BrokenSeal);
  await expect(unseal(a, 100, {}, 'two')).rejects.toThrow('another key or context');
  await expect(unseal(a, 100, {}, 'one', randomBytes(32))).rejects.toThrow(BrokenSeal);
});

test('the source is closed after the last byte, after a failure and after a reader who left', async () => {
  const sealed = await seal(randomBytes(30 * CHUNK));
  let closed = 0;
  const closing = { ...source(sealed), close: async () => void (closed += 1) };
  await all(openSealed(key, 'one', closing, 30 * CHUNK));
  await expect(all(openSealed(key, 'two', closing, 30 * CHUNK))).rejects.toThrow(BrokenSeal);
  for await (const _ of openSealed(key, 'one', closing, 30 * CHUNK)) break;
  expect(closed).toBe(3);
});

test('a key that is not 32 bytes is refused', () => {
  expect(() => sealStream(randomBytes(16), 'one')).toThrow('32 bytes');
});
