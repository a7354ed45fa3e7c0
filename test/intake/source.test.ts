import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { deflateRawSync, crc32 } from 'node:zlib';
import fc from 'fast-check';
import { openSource, type Source } from '../../src/intake/source.ts';
import { zipOf } from '../support/zip-of.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'habeas-source-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(path: string, content: string | Buffer): Promise<string> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
  return join(folder, path);
}

async function contents(source: Source): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const file of source.files) all[file.path] = await text(await file.open());
  return all;
}

describe('a source', () => {
  test('reads the same from a folder and from a zip, sorted, without litter and without a shared top folder', async () => {
    await write('in/export/b/2.json', 'two');
    await write('in/export/a.json', 'one');
    await write('in/export/.DS_Store', 'x');
    const zip = zipOf([
      { name: 'export/b/2.json', content: 'two' },
      { name: 'export/', content: '' },
      { name: '__MACOSX/export/._a.json', content: 'x' },
      { name: 'export/a.json', content: 'one' },
    ]);
    for (const path of [join(folder, 'in'), await write('a.zip', zip)]) {
      const source = await openSource(path);
      expect(source.files.map((file) => file.path)).toEqual(['a.json', 'b/2.json']);
      expect(await contents(source)).toEqual({ 'a.json': 'one', 'b/2.json': 'two' });
      expect(source.files.map((file) => file.size)).toEqual([3, 3]);
      await source.close();
    }
  });

  test('reads one file, and files beside it on demand, but nothing above it', async () => {
    const path = await write('in/data.ndjson', 'x');
    await write('in/files/a.txt', 'content');
    await write('secret.txt', 'secret');
    await symlink(join(folder, 'secret.txt'), join(folder, 'in/way-out.txt'));
    const source = await openSource(path);
    expect(source.files.map((file) => file.path)).toEqual(['data.ndjson']);
    const beside = await source.find('files/a.txt');
    expect(beside && (await text(await beside.open()))).toBe('content');
    expect(await source.find('../secret.txt')).toBeUndefined();
    expect(await source.find('files/../../secret.txt')).toBeUndefined();
    expect(await source.find(join(folder, 'secret.txt'))).toBeUndefined();
    expect(await source.find('none.txt')).toBeUndefined();
    await expect(source.find('way-out.txt')).rejects.toThrow('A link that leads out of the folder: way-out.txt');
  });

  test('that does not exist is refused by name', async () => {
    await expect(openSource(join(folder, 'none'))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('none'),
    });
  });

  test('refuses a link out of its folder, and a link to nothing, and follows a link inside', async () => {
    await write('in/a.txt', 'a');
    await symlink('a.txt', join(folder, 'in/b.txt'));
    expect(await contents(await openSource(join(folder, 'in')))).toEqual({ 'a.txt': 'a', 'b.txt': 'a' });
    await symlink('/etc/hostname', join(folder, 'in/c.txt'));
    await expect(openSource(join(folder, 'in'))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'A link that leads out of the folder: c.txt',
    });
    await rm(join(folder, 'in/c.txt'));
    await symlink('nowhere', join(folder, 'in/d.txt'));
    await expect(openSource(join(folder, 'in'))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'A link to nothing: d.txt',
    });
  });
});

describe('a zip', () => {
  test.each([
    ['climbs', '../evil.txt'],
    ['climbs in the middle', 'a/../../evil.txt'],
    ['is absolute', '/evil.txt'],
    ['names a drive', 'C:/evil.txt'],
    ['has backslashes', '..\\evil.txt'],
  ])('with an entry whose name %s is refused, naming the entry', async (_, name) => {
    const path = await write(
      'a.zip',
      zipOf([
        { name: 'fine.txt', content: 'x' },
        { name, content: 'x' },
      ]),
    );
    await expect(openSource(path)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(JSON.stringify(name)),
    });
  });

  test.each([
    [
      'two entries of one name',
      [
        { name: 'a.txt', content: '1' },
        { name: 'a.txt', content: '2' },
      ],
      'two entries of one name: a.txt',
    ],
    [
      'two names that mean one file',
      [
        { name: 'b/a.txt', content: '1' },
        { name: 'b/./a.txt', content: '2' },
      ],
      'two entries of one name: b/a.txt',
    ],
    ['an encrypted entry', [{ name: 'a.txt', content: '1', flags: 1 }], 'encrypted: a.txt'],
    ['an unknown packing method', [{ name: 'a.txt', content: '1', method: 12 }], 'packs a.txt by method 12'],
    ['a symbolic link', [{ name: 'a.txt', content: '/etc/passwd', mode: 0o120777 }], 'symbolic link: a.txt'],
  ])('with %s is refused, naming the entry', async (_, entries, message) => {
    await expect(openSource(await write('a.zip', zipOf(entries)))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(message),
    });
  });

  test('cut short anywhere is refused, at the latest when the entry is read', async () => {
    const whole = zipOf([
      { name: 'a.txt', content: 'a'.repeat(500) },
      { name: 'b.txt', content: 'b' },
    ]);
    for (let length = 0; length < whole.length; length += 7) {
      const path = await write('a.zip', whole.subarray(0, length));
      await expect(openSource(path).then(contents)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    }
  });

  test('with a flipped byte is refused or reads the same, never differently', async () => {
    const whole = zipOf([{ name: 'a.txt', content: 'some words '.repeat(20) }]);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        const read = await openSource(await write('a.zip', damaged))
          .then(contents)
          .catch((error: unknown) => error);
        if (read instanceof Error) expect(read).toMatchObject({ code: 'INVALID_INPUT' });
        else expect(Object.values(read as object).filter((content) => content !== 'some words '.repeat(20))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('that unpacks to far more than it holds is refused, by its headers or by what comes out', async () => {
    const limits = { totalBytes: 50_000, ratio: 100, ratioFrom: 10_000 };
    const zeros = 'x'.repeat(40_000);
    const inflated = await write('a.zip', zipOf([{ name: 'bomb.txt', content: zeros }]));
    await expect(openSource(inflated, limits)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('bomb.txt'),
    });
    const packed = { data: deflateRawSync(zeros), crc: crc32(zeros), size: 100 };
    const lying = await openSource(await write('b.zip', zipOf([{ name: 'liar.txt', content: '', packed }])), limits);
    await expect(contents(lying)).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('liar.txt') });
    const noise = (name: string) => ({
      name,
      content: Array.from({ length: 9000 }, () => Math.random().toString(36)[3] ?? 'x').join(''),
    });
    const many = await write('c.zip', zipOf(['1', '2', '3', '4', '5', '6'].map(noise)));
    await expect(openSource(many, limits)).rejects.toThrow('6: the zip unpacks to more than 50000 bytes');
  });

  test('that is no zip at all is refused', async () => {
    await expect(openSource(await write('a.zip', 'not a zip'))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
