import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { LIMITS } from '../../src/api/limits.ts';
import { SETTINGS } from '../../src/config.ts';

const guide = readFileSync('docs/operators.md', 'utf8');

test("the operator's guide lists every setting with what it means, and no other", () => {
  const listed = [...guide.matchAll(/^\| `([A-Z_]+)` \|[^|]*\| (.*) \|$/gm)].map(([, name, meaning]) => [name, meaning]);
  expect(Object.fromEntries(listed)).toEqual(
    Object.fromEntries(Object.entries(SETTINGS).map(([name, setting]) => [name, setting.description])),
  );
});

test("the operator's guide lists the limits as they are", () => {
  for (const limit of [
    LIMITS.tokens,
    LIMITS.depth,
    LIMITS.aliases,
    LIMITS.rootFields,
    LIMITS.directives,
    LIMITS.recursiveSelections,
    LIMITS.pageSize,
  ]) {
    expect(guide).toContain(`| ${limit.toLocaleString('en')}${limit === LIMITS.pageSize ? ' items' : ''} |`);
  }
});
