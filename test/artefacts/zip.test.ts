import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { generatePassword } from '../../src/artefacts/password.ts';
import { openZip } from '../../src/artefacts/zip.ts';
import type { EntryContent, ZipWriter } from '../../src/artefacts/zip.ts';
import { all, temporaryFolder } from './support.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });

async function zipFile(password: string | undefined, fill: (zip: ZipWriter) => Promise<unknown>): Promise<string> {
  const path = join(await temporaryFolder(), 'out.zip');
  const zip = openZip(createWriteStream(path), { password });
  await fill(zip);
  await zip.finish();
  return path;
}

/** Unpacks with a tool that people have, or tells that it is missing. */
async function unpack(
  tool: '7z' | 'bsdtar',
  path: string,
  password?: string,
): Promise<Map<string, Buffer> | 'refused' | 'no tool'> {
  const folder = await mkdtemp(join(tmpdir(), 'habeas-unpack-'));
  try {
    const [command, ...words] =
      tool === '7z'
        ? ['7z', 'x', '-y', `-o${folder}`, `-p${password ?? ''}`, path]
        : ['bsdtar', '-x', '-C', folder, ...(password ? ['--passphrase', password] : []), '-f', path];
    const ran = spawnSync(command!, words, { encoding: 'utf8' });
    if (ran.error) {
      process.stdout.write(`SKIPPED: ${tool} is missing; install p7zip-full and libarchive-tools.\n`);
      return 'no tool';
    }
    if (ran.status !== 0) return 'refused';
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const read = files.map(async (file) => {
      const at = join(file.parentPath, file.name);
      return [at.slice(folder.length + 1), await readFile(at)] as const;
    });
    return new Map(await Promise.all(read));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const incompressible = randomBytes(1_000_000);
const CONTENTS: Record<string, [EntryContent, Buffer]> = {
  'empty.txt': ['', Buffer.alloc(0)],
  'empty-stream.txt': [Readable.from([]), Buffer.alloc(0)],
  'one.txt': ['1', Buffer.from('1')],
  'folder/ünïcödé 日本.txt': ['grüße', Buffer.from('grüße')],
  'folder/deep/random.bin': [Readable.from([incompressible.subarray(0, 7), incompressible.subarray(7)]), incompressible],
  'repeated.csv': [
    Readable.from(Array.from({ length: 2_000 }, () => 'a line, again and again\r\n'.repeat(100))),
    Buffer.from('a line, again and again\r\n'.repeat(200_000)),
  ],
};

test.each([
  ['7z', 'a plain zip', false],
  ['7z', 'a zip with a password', true],
  ['bsdtar', 'a plain zip', false],
  ['bsdtar', 'a zip with a password', true],
] as const)('%s unpacks %s: empty, small, large and incompressible entries', async (tool, _kind, sealed) => {
  const password = sealed ? generatePassword() : undefined;
  const path = await zipFile(password, async (zip) => {
    for (const [name, [content, bytes]] of Object.entries(CONTENTS)) {
      const again = content instanceof Readable ? Readable.from([bytes]) : content;
      expect(await zip.add(name, again)).toEqual({ size: bytes.length, sha256: sha256(bytes) });
    }
  });
  const unpacked = await unpack(tool, path, password);
  if (unpacked === 'no tool') return;
  if (unpacked === 'refused') throw new Error(`${tool} refused the zip`);
  expect([...unpacked.keys()].sort()).toEqual(Object.keys(CONTENTS).sort());
  for (const [name, [, bytes]] of Object.entries(CONTENTS)) expect(unpacked.get(name)!.equals(bytes)).toBe(true);
  if (!password) return;
  expect(await unpack(tool, path, generatePassword())).toBe('refused');
  expect((await readFile(path)).includes(incompressible.subarray(0, 64))).toBe(false);
});

test('an entry that streams in many chunks arrives whole, with a password too', async () => {
  const password = generatePassword();
  const path = await zipFile(password, async (zip) => {
    for (const [name, [content, bytes]] of Object.entries(CONTENTS))
      expect((await zip.add(name, content)).size).toBe(bytes.length);
  });
  const unpacked = await unpack('7z', path, password);
  if (unpacked === 'no tool') return;
  for (const [name, [, bytes]] of Object.entries(CONTENTS))
    expect((unpacked as Map<string, Buffer>).get(name)!.equals(bytes)).toBe(true);
});

test.each(['../x', '/x', 'a//b', 'a/', '', 'a\\b', 'CON', 'a/nul.txt', 'x ', 'x.', 'a\u202Eb', 'a:b', '.', `${'x'.repeat(201)}`])(
  'the entry name %j is refused',
  async (name) => {
    await expect(openZip(nowhere()).add(name, 'x')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  },
);

test('an entry that some system would write over another is refused, and the zip goes on', async () => {
  const path = await zipFile(undefined, async (zip) => {
    await zip.add('data/a.csv', '1');
    for (const name of ['data/a.csv', 'DATA/A.csv', 'data', 'data/a.csv/b', 'Data/a.CSV'])
      await expect(zip.add(name, '2')).rejects.toMatchObject({ code: 'CONFLICT' });
    await zip.add('data/b.csv', '3');
  });
  expect(await unpack('7z', path).then((files) => (files === 'no tool' ? 2 : (files as Map<string, Buffer>).size))).toBe(2);
});

test('a weak password is refused, and generated ones are long, different and easy to read', () => {
  expect(() => openZip(nowhere(), { password: 'correct horse battery' })).toThrow('at least 26 characters');
  const passwords = Array.from({ length: 1_000 }, generatePassword);
  expect(new Set(passwords).size).toBe(1_000);
  for (const password of passwords) expect(password).toMatch(/^(?:[a-hjkmnp-z2-9]{4}-){6}[a-hjkmnp-z2-9]{4}$/);
});

test('a generated password favours no character', () => {
  const counts = new Map<string, number>();
  for (let n = 0; n < 5_000; n += 1)
    for (const character of generatePassword().replaceAll('-', '')) counts.set(character, (counts.get(character) ?? 0) + 1);
  expect(counts.size).toBe(31);
  const expected = (5_000 * 28) / 31; // standard deviation 66; chance of more than 6 of them: one in ten million
  for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(400);
});

test.each([undefined, generatePassword()])(
  'a failing content fails its entry, the zip and the output (password: %s)',
  async (password) => {
    const out = nowhere();
    const zip = openZip(out, { password });
    async function* failing() {
      yield Buffer.alloc(1_000_000);
      throw new Error('the source broke');
    }
    await expect(zip.add('a', failing())).rejects.toThrow('the source broke');
    await expect(zip.add('b', 'x')).rejects.toThrow('the source broke');
    await expect(zip.finish()).rejects.toThrow('the source broke');
    expect(out.destroyed).toBe(true);
  },
);

test.each([undefined, generatePassword()])(
  'a failing output fails the entry under way and closes its content (password: %s)',
  async (password) => {
    let room = 3;
    const out = new Writable({ write: (_chunk, _encoding, done) => done(room-- > 0 ? null : new Error('the disk is full')) });
    let closed = false;
    async function* endless() {
      try {
        for (;;) yield randomBytes(100_000);
      } finally {
        closed = true;
      }
    }
    const zip = openZip(out, { password });
    await expect(zip.add('a', endless())).rejects.toThrow('the disk is full');
    expect(closed).toBe(true);
  },
);

test('giving up ends an entry whose content is silent', async () => {
  const zip = openZip(nowhere());
  const adding = zip.add('a', new Readable({ read() {} }));
  zip.abort(new Error('enough'));
  await expect(adding).rejects.toThrow('enough');
});

test('a slow reader holds the writers back: the zip does not gather what is not taken', async () => {
  let produced = 0;
  async function* rows() {
    for (; produced < 2_000; produced += 1) yield randomBytes(64 * 1024);
  }
  const { promise: never } = Promise.withResolvers<void>();
  const zip = openZip(new Writable({ write: () => void never }), { password: generatePassword() });
  const adding = zip.add('a', rows());
  adding.catch(() => undefined);
  let before = -1;
  while (before !== produced) {
    before = produced;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(produced).toBeLessThan(100);
  zip.abort(new Error('done'));
  await expect(adding).rejects.toThrow('done');
});

test('all bytes of the zip have reached the output when finish resolves', async () => {
  const path = await zipFile(undefined, (zip) => zip.add('a', 'x'));
  expect((await all(Readable.from([await readFile(path)]))).subarray(-22, -18).toString('latin1')).toBe('PK\x05\x06');
});
