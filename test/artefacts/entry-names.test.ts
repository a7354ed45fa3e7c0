import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { foldName, safeName, uniqueNames } from '../../src/artefacts/entry-names.ts';
import { check } from './support.ts';

test.each([
  ['report.pdf', 'report.pdf'],
  ['Müller & Söhne (2024).tar.gz', 'Müller & Söhne (2024).tar.gz'],
  ['日本語 ファイル.txt', '日本語 ファイル.txt'],
  ['', 'unnamed'],
  ['.', 'unnamed'],
  ['...', 'unnamed'],
  ['   ', 'unnamed'],
  ['../../etc/passwd', '_.._.._etc_passwd'],
  ['/etc/passwd', '_etc_passwd'],
  ['C:\\Windows\\x.dll', 'C__Windows_x.dll'],
  ['a\0b\x07c\nd.txt', 'abc d.txt'],
  ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
  ['CON', '_CON'],
  ['nul.txt', '_nul.txt'],
  ['com1 .txt', '_com1 .txt'],
  ['LPT²', '_LPT²'],
  ['trailing. . .', 'trailing'],
  ['.bashrc', '_.bashrc'],
  ['-rf', '_-rf'],
  ['a／b∕c.txt', 'a_b_c.txt'],
  ['e\u0301.txt', '\u00e9.txt'],
  ['\ud800.txt', '_.txt'],
])('%j becomes %j', (hostile, safe) => {
  expect(safeName(hostile)).toBe(safe);
});

test('a long name keeps its extension and splits no character', () => {
  expect(safeName(`${'x'.repeat(500)}.jpeg`)).toBe(`${'x'.repeat(195)}.jpeg`);
  const long = safeName(`${'😀'.repeat(100)}.png`);
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(200);
  expect(long).toMatch(/^(?:😀)+\.png$/u);
});

test('repeated names are numbered, also where only case or composition differs', () => {
  const unique = uniqueNames();
  expect(['a.txt', 'A.TXT', 'a.txt', 'a (2).txt', 'ﬁx', 'FIX', 'straße', 'STRASSE', 'b .c', 'b .c'].map(unique)).toEqual([
    'a.txt',
    'A (2).TXT',
    'a (3).txt',
    'a (2) (2).txt',
    'ﬁx',
    'FIX (2)',
    'straße',
    'STRASSE (2)',
    'b .c',
    'b (2).c',
  ]);
});

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(
      fc.constantFrom(
        '..',
        '/',
        '\\',
        '.',
        ' ',
        '\0',
        '\u202E',
        'con',
        'COM1',
        ':',
        '\n',
        'a',
        'A',
        'é',
        'e\u0301',
        '\u200B',
        '-',
        '~',
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
  fc.constantFrom('x', 'X', 'x.txt', 'X.TXT', `${'y'.repeat(400)}.txt`),
);

test('ten thousand hostile names give safe names, all different', async () => {
  await check(
    fc.property(fc.array(hostile, { minLength: 10_000, maxLength: 10_000, size: 'max' }), (names) => {
      const unique = uniqueNames();
      const seen = new Set<string>();
      for (const name of names) {
        const safe = unique(name);
        const wrong =
          safe === '' ||
          Buffer.byteLength(safe) > 200 ||
          /[\p{Cc}\p{Cf}\p{Cs}<>:"/\\|?*]/u.test(safe) ||
          /^[.\- ]|[. ]$/.test(safe) ||
          /^(?:con|prn|aux|nul|com\d|lpt\d) *(?:\.|$)/i.test(safe) ||
          safe !== safe.normalize('NFC') ||
          safeName(safe) !== safe;
        if (wrong) throw new Error(`${JSON.stringify(name)} became ${JSON.stringify(safe)}`);
        seen.add(foldName(safe));
      }
      expect(seen.size).toBe(names.length);
    }),
    2,
    { endOnFailure: true }, // shrinking ten thousand names would take hours
  );
});
