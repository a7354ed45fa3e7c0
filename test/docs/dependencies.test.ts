import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

interface Package {
  version: string;
  license: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

const read = (path: string): Package => JSON.parse(readFileSync(path, 'utf8')) as Package;
const own = read('package.json');
const direct = [...Object.keys(own.dependencies), ...Object.keys(own.devDependencies)].sort();
const listed = [...readFileSync('docs/dependencies.md', 'utf8').matchAll(/^\| `([^`]+)` *\| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, name, licence, reason]) => ({ name: name!, licence: licence!.trim(), reason: reason!.trim() }),
);

test('every direct dependency is listed, and nothing else', () => {
  expect(listed.map(({ name }) => name).sort()).toEqual(direct);
});

test('every direct dependency has a reason', () => {
  expect(listed.filter(({ reason }) => reason.length < 10)).toEqual([]);
});

test('licences are those that the packages state', () => {
  for (const { name, licence } of listed)
    expect([name, licence]).toEqual([name, read(`node_modules/${name}/package.json`).license]);
});
