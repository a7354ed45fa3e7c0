import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import fc from 'fast-check';
import { jsonArray } from '../../src/intake/json-array.ts';
import { jsonErrorOffset } from '../../src/intake/json-position.ts';
import { openSource, type SourceFile } from '../../src/intake/source.ts';
import { lines, type Line } from '../../src/intake/source-text.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'habeas-source-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function fileOf(name: string, content: string | Buffer): Promise<SourceFile> {
  await writeFile(join(folder, name), content);
  return (await openSource(join(folder, name))).files[0]!;
}

describe('lines', () => {
  const read = async (content: Buffer | string, max?: number) => {
    const all: Line[] = [];
    for await (const line of lines(await fileOf('a.txt', content), max)) all.push(line);
    return all;
  };

  test('are numbered from 1, without line ends and byte order mark, and their bytes add up', async () => {
    const all = await read('\uFEFFone\r\n\ntwo');
    expect(all.map((line) => [line.line, line.text])).toEqual([
      [1, 'one'],
      [2, ''],
      [3, 'two'],
    ]);
    expect(all.reduce((sum, line) => sum + line.bytes, 0)).toBe(12);
  });

  test('that are too long are marked and not held; the next line is read', async () => {
    expect(await read(`${'x'.repeat(200_000)}\nok\n`, 1000)).toEqual([
      { line: 1, text: '', bytes: 200_001, flaw: 'TOO_LONG' },
      { line: 2, text: 'ok', bytes: 3 },
    ]);
  });

  /** A file that comes in these chunks, and breaks behind them if it is told to. */
  const inChunks = (chunks: readonly Buffer[], breaks: boolean): SourceFile => {
    const content = async function* (): AsyncGenerator<Buffer> {
      yield* chunks;
      if (breaks) throw new Error('broken');
    };
    return { path: 'a.txt', size: 0, open: async () => content() as unknown as Readable };
  };

  test('are the same wherever the chunks of the file end, and those before a break are read', async () => {
    const line = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('', 'x'.repeat(29), 'x'.repeat(30), 'x'.repeat(31), 'y'.repeat(99)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.integer({ min: 1, max: 60 })), fc.boolean(), async (wanted, sizes, breaks) => {
        const content = Buffer.from(wanted.map((text) => text.replaceAll(/[\r\n\uFEFF]/g, '').toWellFormed()).join('\n'));
        const chunks: Buffer[] = [];
        for (let from = 0; from < content.length; from += chunks.at(-1)!.length)
          chunks.push(content.subarray(from, from + (sizes[chunks.length % sizes.length] ?? 7)));
        const all: Line[] = [];
        const reading = (async () => {
          for await (const one of lines(inChunks(chunks, breaks), 30)) all.push(one);
        })();
        await (breaks ? expect(reading).rejects.toThrow('broken') : reading);
        const parts = content.toString().split('\n');
        const last = parts.pop()!;
        // A last line without an end is none if the file breaks, and nobody can tell.
        if (last !== '' && !breaks) parts.push(last);
        expect(all.map(({ line: number, text: read, flaw }) => [number, flaw ?? read])).toEqual(
          parts.map((text, index) => [index + 1, Buffer.byteLength(text) > 30 ? 'TOO_LONG' : text]),
        );
        if (!breaks) expect(all.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(content.length);
      }),
    );
  });

  test('that are not UTF-8 are marked, and hold U+FFFD', async () => {
    expect(await read(Buffer.from([0x61, 0xff, 0x62, 0x0a]))).toEqual([
      { line: 1, text: 'a\uFFFDb', bytes: 4, flaw: 'NOT_UTF8' },
    ]);
  });
});

describe('a JSON list', () => {
  const read = async (content: string | Buffer): Promise<unknown[]> => {
    const values: unknown[] = [];
    for await (const { value } of jsonArray(await fileOf('a.json', content))) values.push(value);
    return values;
  };

  test('is read as JSON.parse reads it, wherever the chunks of the file end', async () => {
    const value = [{ a: ['],[', '\\"', '\u2028é'] }, null, -1.5, [], {}, 'x'.repeat(70_000), { é: 'é'.repeat(70_000) }];
    expect(await read(`\uFEFF ${JSON.stringify(value, null, 1)}\n`)).toEqual(value);
    expect(await read('[ ]')).toEqual([]);
  });

  test.each([
    ['[\n{"name": "Ada"},\n{"name": Ada}]', 'line 3, column 10'],
    ['[1,]', 'line 1, column 4'],
    ['[1', 'line 1, column 3'],
    ['[1]x', 'line 1, column 4'],
    ['[{"é": "é"},\n "é" 1]', 'line 2, column 6'],
    ['', 'line 1, column 1'],
    ['["a]', 'line 1, column 2'],
  ])('%j is refused with its line and column and none of its content', async (content, where) => {
    await expect(read(content)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: `a.json is not valid JSON at ${where}.`,
    });
  });

  test('with an element beyond the bounds is refused before it is parsed', async () => {
    await expect(read(`[${'['.repeat(3000)}${']'.repeat(3000)}]`)).rejects.toThrow(
      'a.json: element 1 cannot be read: nested deeper',
    );
    await expect(read(`[1,[${'{},'.repeat(600_000)}1]]`)).rejects.toThrow('element 2 cannot be read: more than 500000 objects');
    await expect(read('{"a": 1}')).rejects.toThrow('a.json is not valid JSON, or not a list.');
  });
});

describe('malformed JSON', () => {
  test('cut short is placed at its end', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        fc.pre(json.startsWith('[') || json.startsWith('{'));
        expect(jsonErrorOffset(json)).toBe(json.length);
        expect(jsonErrorOffset(json + ' x')).toBe(json.length + 1);
      }),
    );
  });

  test('of megabytes of escapes or digits is placed as well', () => {
    for (const part of ['"' + '\\n'.repeat(4_000_000), '1'.repeat(8_000_000)])
      expect(jsonErrorOffset(`[${part}`)).toBeGreaterThan(0);
  });
});
