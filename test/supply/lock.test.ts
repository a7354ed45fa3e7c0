import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { found, LOCKED, ROOT } from './lock.ts';

// npm ci refuses a lock file that lacks one, even where the package is for another platform.
test('whatever a package asks for is locked, for every platform', () => {
  const missing = [['', ROOT] as const, ...LOCKED].flatMap(([folder, each]) =>
    Object.keys({ ...each.dependencies, ...each.devDependencies, ...each.optionalDependencies })
      .filter((name) => found(folder, name) === undefined)
      .map((name) => `${folder} -> ${name}`),
  );
  expect(missing).toEqual([]);
});

test('whatever is installed here is locked by its hash, and only optional packages are without one', () => {
  const bare = [...LOCKED].filter(([, { integrity }]) => !integrity?.startsWith('sha512-'));
  expect(bare.filter(([folder, { optional }]) => !optional || existsSync(folder))).toEqual([]);
});

test('direct dependencies are pinned exactly', () => {
  const versions = Object.values({ ...ROOT.dependencies, ...ROOT.devDependencies });
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test('packages come from the public registry, and nothing names another', () => {
  const elsewhere = [...LOCKED].filter(([, { resolved }]) => resolved && !resolved.startsWith('https://registry.npmjs.org/'));
  expect(elsewhere).toEqual([]);
  const settings = readFileSync('.npmrc', 'utf8').split('\n');
  expect(settings.filter((line) => line !== '' && !line.startsWith('#'))).toEqual(['loglevel=error']);
});

test('the project is never published by accident, and says which Node installs it', () => {
  const own = JSON.parse(readFileSync('package.json', 'utf8')) as { private: boolean; engines: Record<string, string> };
  expect(own.private).toBe(true);
  expect(Object.keys(own.engines)).toEqual(['node', 'npm']);
});
