import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { LOCKED } from './lock.ts';
import type { Locked } from './lock.ts';

/** Licences that let an Apache-2.0 project be used, changed and passed on without conditions beyond naming the authors. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT', 'Python-2.0'];

/** Further ones that are fine for what only builds and tests: nothing of it is passed on. */
const ALLOWED_TO_BUILD = ['CC-BY-4.0'];

/** An SPDX expression holds if one of its alternatives is allowed in every part. */
function holds({ license = 'none', dev }: Locked): boolean {
  const allowed = dev ? [...ALLOWED, ...ALLOWED_TO_BUILD] : ALLOWED;
  const alternatives = license.replaceAll(/[()]/g, '').split(' OR ');
  return alternatives.some((each) => each.split(' AND ').every((part) => allowed.includes(part)));
}

test('every locked package, whoever asked for it, has an allowed licence', () => {
  const refused = [...LOCKED].filter(([, each]) => !holds(each)).map(([folder, { license }]) => `${folder}: ${license}`);
  expect(refused).toEqual([]);
});

test('copyleft, missing and unknown licences are refused', () => {
  for (const license of [
    'GPL-3.0-only',
    'AGPL-3.0-or-later',
    'MIT AND GPL-2.0-only',
    'SEE LICENSE IN x',
    'UNLICENSED',
    undefined,
  ])
    expect(holds({ version: '1.0.0', ...(license === undefined ? {} : { license }) })).toBe(false);
  expect(holds({ version: '1.0.0', license: '(GPL-2.0-only OR MIT)' })).toBe(true);
  expect(holds({ version: '1.0.0', license: 'CC-BY-4.0' })).toBe(false);
});

test('the page of dependencies lists the allowed licences', () => {
  const page = readFileSync('docs/dependencies.md', 'utf8');
  expect([...ALLOWED, ...ALLOWED_TO_BUILD].filter((licence) => !page.includes(licence))).toEqual([]);
});
