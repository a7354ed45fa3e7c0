import { createCipheriv, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addBlocks, BLOCKS, HASH_KEY, STATE, work } from '../../src/keys/ghash.ts';
import { unsealRun, type SealedRun } from '../../src/keys/sealed-run.ts';
import { seal, SealBroken } from '../../src/keys/sealed-value.ts';
import { check } from '../artefacts/support.ts';

const key = randomBytes(32);
const place = {
  tenantId: '018f0000-0000-7000-8000-0000000000aa',
  subjectId: '018f0000-0000-7000-8000-0000000000bb',
  column: 'messages.body',
};
const rowOf = (index: number): string => `018f0000-0000-7000-8000-${String(index).padStart(12, '0')}`;

/** Values sealed one by one, with bytes of nobody's between them. */
function runOf(plain: readonly Uint8Array[], from = place): SealedRun {
  const sealed = plain.map((bytes, index) => seal(key, { ...from, row: rowOf(index) }, Buffer.from(bytes)));
  const start = new Int32Array(plain.length);
  const end = new Int32Array(plain.length);
  let at = 3;
  for (const [index, value] of sealed.entries()) {
    start[index] = at;
    at = end[index] = at + value.length;
    at += index % 5;
  }
  const bytes = Buffer.alloc(at, 0xee);
  for (const [index, value] of sealed.entries()) value.copy(bytes, start[index]);
  return { place: from, bytes, start, end, writeRow: (index, into, to) => to + into.write(rowOf(index), to) };
}

function opened(run: SealedRun, from = 0, to = run.start.length): Buffer[] {
  const plain: Buffer[] = [];
  unsealRun(key, run, from, to, (bytes) => plain.push(Buffer.from(bytes)));
  return plain;
}

/** As texts: jest takes tens of seconds to compare as many bytes. */
const hex = (values: readonly Uint8Array[]): string[] => values.map((bytes) => Buffer.from(bytes).toString('hex'));

/** As many as are opened together, of every length about which something may be wrong: none, whole blocks, and what is too long to be opened with others. */
const LENGTHS = Array.from({ length: 400 }, (_, index) =>
  index < 70 ? index : [1, 16, 255, 1008, 1023, 1024, 1025, 5000][index % 8]!,
);
const values = (): Uint8Array[] => LENGTHS.map((length) => randomBytes(length));

test('values that are opened together are what was sealed one by one, from any of them to any other', () => {
  const plain = values();
  const run = runOf(plain);
  expect(hex(opened(run))).toEqual(hex(plain));
  expect(hex(opened(run, 3, 398))).toEqual(hex(plain.slice(3, 398)));
  expect(hex(opened(run, 7, 9))).toEqual(hex(plain.slice(7, 9)));
});

test('a place of any length is bound', () => {
  const plain = values();
  for (const column of ['', 'a', 'users.profile', 'x'.repeat(40), 'channel_identities.external_id', 'ä'.repeat(9)])
    expect(hex(opened(runOf(plain, { ...place, column })))).toEqual(hex(plain));
});

test('one changed bit, wherever it is, closes the value it is in', async () => {
  const run = runOf(values());
  await check(
    fc.property(fc.integer({ min: 0, max: LENGTHS.length - 1 }), fc.nat(), fc.nat({ max: 7 }), (index, offset, bit) => {
      const at = run.start[index]! + (offset % (run.end[index]! - run.start[index]!));
      run.bytes[at]! ^= 1 << bit;
      try {
        expect(() => opened(run)).toThrow(new SealBroken({ column: place.column, row: rowOf(index) }));
      } finally {
        run.bytes[at]! ^= 1 << bit;
      }
    }),
    60,
  );
});

test('a value opens in no other row, column, person or tenant, nor cut, nor as what stood beside it', () => {
  const plain = values();
  const run = runOf(plain);
  const other = '018f0000-0000-7000-8000-0000000000cc';
  for (const moved of [{ tenantId: other }, { subjectId: other }, { column: 'messages.metadata' }])
    expect(() => opened({ ...run, place: { ...place, ...moved } })).toThrow(SealBroken);
  expect(() => opened({ ...run, writeRow: (index, into, to) => to + into.write(rowOf(index + 1), to) })).toThrow(SealBroken);
  for (const by of [1, 16, 28, 29]) {
    const end = run.end.map((at, index) => (index === 20 ? at - by : at));
    expect(() => opened({ ...run, end })).toThrow(SealBroken);
  }
  const swapped = { start: run.start.slice(), end: run.end.slice() };
  [swapped.start[30], swapped.start[31]] = [run.start[31]!, run.start[30]!];
  [swapped.end[30], swapped.end[31]] = [run.end[31]!, run.end[30]!];
  expect(() => opened({ ...run, ...swapped })).toThrow(SealBroken);
});

test('the hash is that of AES-GCM, whatever the key and the blocks', async () => {
  const bytes = (constraints: fc.IntArrayConstraints) => fc.uint8Array(constraints);
  await check(
    fc.property(
      bytes({ minLength: 32, maxLength: 32 }),
      bytes({ minLength: 12, maxLength: 12 }),
      bytes({ maxLength: 200 }),
      (secret, nonce, text) => {
        const zeros = (length: number): Buffer => Buffer.alloc(Math.ceil(length / 16) * 16);
        const ecb = (block: Buffer): Buffer => createCipheriv('aes-256-ecb', secret, null).setAutoPadding(false).update(block);
        const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(text);
        cipher.final();
        // The tag of no text under additional data: its blocks, then both lengths.
        const blocks = Buffer.concat([zeros(text.length), zeros(16)]);
        Buffer.from(text).copy(blocks);
        blocks.writeUInt32BE(text.length * 8, blocks.length - 12);
        ecb(zeros(16)).copy(work, HASH_KEY);
        work.fill(0, STATE, STATE + 16);
        blocks.copy(work, BLOCKS);
        addBlocks(BLOCKS, BLOCKS + blocks.length);
        const mask = ecb(Buffer.concat([nonce, Buffer.from([0, 0, 0, 1])]));
        expect(work.subarray(STATE, STATE + 16).map((byte, index) => byte ^ mask[index]!)).toEqual(cipher.getAuthTag());
      },
    ),
    300,
  );
});
