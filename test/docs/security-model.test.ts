import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const rows = readFileSync('docs/security-model.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, promise, tests]) => [promise!, tests!] as const)
  .filter(([promise]) => promise !== 'promise' && !/^-+$/.test(promise));

test('the security model makes promises', () => {
  expect(rows.length).toBeGreaterThan(20);
});

test.each(rows)('"%s" names the test that shows it', (_, tests) => {
  const files = [...tests.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g)].map(([, file]) => file!);
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
});
