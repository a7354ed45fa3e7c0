import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseRange } from '../../src/artefacts/range.ts';
import { check } from './support.ts';

test.each([
  ['bytes=0-0', { start: 0, end: 0 }],
  ['bytes=0-9', { start: 0, end: 9 }],
  ['bytes=3-', { start: 3, end: 9 }],
  ['bytes=3-400', { start: 3, end: 9 }],
  ['bytes=-4', { start: 6, end: 9 }],
  ['bytes=-400', { start: 0, end: 9 }],
  ['BYTES=1-2', { start: 1, end: 2 }],
])('%s of ten bytes is a range', (header, range) => {
  expect(parseRange(header, 10)).toEqual(range);
});

test.each(['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=999999999999999-'])('%s of ten bytes is unsatisfiable', (header) => {
  expect(parseRange(header, 10)).toBe('unsatisfiable');
});

test.each([
  undefined,
  '',
  'bytes',
  'bytes=',
  'bytes=-',
  'bytes=5-4',
  'bytes=a-b',
  'bytes=1',
  'lines=1-2',
  'bytes=--1',
  'bytes=0x1-2',
  'bytes=1-2x',
])('a malformed header (%s) is ignored', (header) => {
  expect(parseRange(header, 10)).toBeUndefined();
});

test('a request for several ranges gets the whole file', () => {
  expect(parseRange('bytes=0-1,3-4', 10)).toBeUndefined();
});

test('nothing of an empty file can be asked for', () => {
  for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) expect(parseRange(header, 0)).toBe('unsatisfiable');
});

test('whatever the header, a range lies within the file', async () => {
  const number = fc.oneof(fc.constant(''), fc.nat(200).map(String));
  await check(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.tuple(number, number).map(([a, b]) => `bytes=${a}-${b}`),
      ),
      fc.nat(100),
      (header, size) => {
        const range = parseRange(header, size);
        if (range === undefined || range === 'unsatisfiable') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeGreaterThanOrEqual(range.start);
        expect(range.end).toBeLessThan(size);
      },
    ),
    1_000,
  );
});
