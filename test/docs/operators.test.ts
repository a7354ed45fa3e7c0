import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { SETTINGS } from '../../src/config.ts';

test("the operator's guide lists every setting with what it means, and no other", () => {
  const guide = readFileSync('docs/operators.md', 'utf8');
  const listed = [...guide.matchAll(/^\| `([A-Z_]+)` *\|[^|]*\| (.*?) *\|$/gm)].map(([, name, meaning]) => [name, meaning]);
  expect(Object.fromEntries(listed)).toEqual(
    Object.fromEntries(Object.entries(SETTINGS).map(([name, setting]) => [name, setting.description])),
  );
});
