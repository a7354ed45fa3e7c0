import { expect, test } from '@jest/globals';
import { parseDuration } from '../../src/cli/duration.ts';

test.each([
  ['30s', 30],
  ['10m', 600],
  ['1h', 3600],
  ['7d', 604_800],
])('%s is %i seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});
test.each(['', '0s', '1', 'h', '1w', '-1h', '1.5h', '1h30m', ' 1h'])('%j is no span of time', (text) => {
  expect(() => parseDuration(text)).toThrow('is not a time span; write 30s, 10m, 1h or 7d.');
});
