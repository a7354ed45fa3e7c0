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

test('wherever node is told how to keep its heap, it is told the same', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const [shebang] = readFileSync('src/cli/habeas.ts', 'utf8').split('\n') as [string];
  const guide = readFileSync('docs/operators.md', 'utf8');
  const told = [scripts['habeas']!, scripts['start']!, scripts['demo']!, shebang, guide].map((text) =>
    /node ((?:--[a-z][a-z=0-9-]* ?)+)/.exec(text)?.[1]!.trim(),
  );
  expect(told[0]).toMatch(/--expose-gc$/);
  expect(new Set(told)).toEqual(new Set([told[0]]));
});
