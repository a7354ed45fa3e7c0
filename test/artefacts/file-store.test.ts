import { execFileSync } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { openStore } from '../../src/artefacts/file-store.ts';
import { all, temporaryFolder } from './support.ts';

const newKey = () => `${randomUUID()}/export/${randomUUID()}`;
const filesIn = async (root: string) =>
  (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
const keysOf = async (keys: AsyncIterable<string>) => {
  const found: string[] = [];
  for await (const key of keys) found.push(key);
  return found;
};
const inParts = (bytes: Buffer) => Readable.from([bytes.subarray(0, 1_000), bytes.subarray(1_000)]);

test('a file comes back whole, in part, and with its size and SHA-256', async () => {
  const store = await openStore(await temporaryFolder());
  const [key, bytes] = [newKey(), randomBytes(700_000)];
  expect(await store.write(key, inParts(bytes))).toEqual({
    size: 700_000,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  expect((await all(await store.read(key))).equals(bytes)).toBe(true);
  expect((await all(await store.read(key, { start: 10, end: 500_000 }))).equals(bytes.subarray(10, 500_001))).toBe(true);
  expect(await store.size(key)).toBe(700_000);
  const file = await store.open(key);
  expect((await file.readAt(699_990, 100)).equals(bytes.subarray(699_990))).toBe(true);
  await file.close();
});

test('nobody but the owner may enter the folders or read the files', async () => {
  const root = join(await temporaryFolder(), 'files');
  const store = await openStore(root);
  const key = newKey();
  await store.write(key, Readable.from(['x']));
  const modes = [root, join(root, key.split('/')[0]!), join(root, key)].map(async (path) => (await stat(path)).mode & 0o777);
  expect(await Promise.all(modes)).toEqual([0o700, 0o700, 0o600]);
});

test('a half-written file is never seen, and one that fails leaves nothing', async () => {
  const root = await temporaryFolder();
  const store = await openStore(root);
  const key = newKey();
  let seen: unknown;
  async function* failing() {
    yield Buffer.alloc(300_000);
    seen = await store.size(key).catch((error: { code: string }) => error.code);
    throw new Error('the source broke');
  }
  await expect(store.write(key, failing())).rejects.toThrow('the source broke');
  expect(seen).toBe('NOT_FOUND');
  expect(await filesIn(root)).toEqual([]);
});

test('a failed rewrite leaves the earlier file as it was', async () => {
  const store = await openStore(await temporaryFolder());
  const key = newKey();
  await store.write(key, Readable.from(['first']));
  await expect(store.write(key, Readable.from([Buffer.from('sec'), 7 as unknown as Buffer]))).rejects.toThrow();
  expect((await all(await store.read(key))).toString()).toBe('first');
  await store.write(key, Readable.from(['second']));
  expect((await all(await store.read(key))).toString()).toBe('second');
});

test('a write that is called off leaves nothing, also while its source is silent', async () => {
  const root = await temporaryFolder();
  const store = await openStore(root);
  const silent = new Readable({ read() {} });
  const stop = new AbortController();
  const writing = store.write(newKey(), silent, { signal: stop.signal });
  await pause(20);
  stop.abort();
  await expect(writing).rejects.toThrow('aborted');
  expect(await filesIn(root)).toEqual([]);
});

test('a full disk is a refusal that leaves nothing', async () => {
  const root = await temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', root], { stdio: 'ignore' });
  } catch {
    process.stdout.write('SKIPPED: a full disk cannot be tried where tmpfs cannot be mounted.\n');
    return;
  }
  try {
    const store = await openStore(root);
    await expect(store.write(newKey(), Readable.from([Buffer.alloc(1_000_000)]))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await filesIn(root)).toEqual([]);
  } finally {
    execFileSync('umount', [root]);
  }
});

test.each([
  '',
  '/',
  '/etc/passwd',
  '..',
  '../x',
  'a/../b',
  'a/./b',
  'a//b',
  'a/',
  '.temporary/x',
  'A/b',
  'a b',
  'a\\b',
  'a\0b',
  'ä',
  'x'.repeat(65),
  'a/b/c/d/e/f/g',
  '-a',
  'a.txt',
])('the key %j is refused by every door', async (key) => {
  const store = await openStore(await temporaryFolder());
  const refused = { code: 'INVALID_INPUT' };
  await expect(store.write(key, Readable.from(['x']))).rejects.toMatchObject(refused);
  await expect(store.read(key)).rejects.toMatchObject(refused);
  await expect(store.open(key)).rejects.toMatchObject(refused);
  await expect(store.size(key)).rejects.toMatchObject(refused);
  await expect(store.remove(key)).rejects.toMatchObject(refused);
});

test('what is absent, a folder or a link is not found', async () => {
  const root = await temporaryFolder();
  const store = await openStore(root);
  await store.write('a/b/c', Readable.from(['x']));
  await writeFile(join(root, 'outside'), 'secret');
  await symlink(join(root, 'outside'), join(root, 'a', 'link'));
  for (const key of ['a/b/d', 'a/b', 'a/b/c/d', 'a/link']) {
    await expect(store.read(key)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(store.open(key)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  }
  await expect(store.size('a/b')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('removing twice is as good as once, and a file that is being read stays readable to its end', async () => {
  const store = await openStore(await temporaryFolder());
  const [key, bytes] = [newKey(), randomBytes(600_000)];
  await store.write(key, inParts(bytes));
  const reading = await store.read(key);
  expect(await store.remove(key)).toBe(true);
  expect(await store.remove(key)).toBe(false);
  expect((await all(reading)).equals(bytes)).toBe(true);
  await expect(store.read(key)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('files are listed by the beginning of their key', async () => {
  const store = await openStore(await temporaryFolder());
  for (const key of ['a/x/1', 'a/x/2', 'a/y/3', 'b/x/4']) await store.write(key, Readable.from(['x']));
  const listed = async (prefix: string) => (await keysOf(store.list(prefix))).sort();
  expect(await listed('')).toEqual(['a/x/1', 'a/x/2', 'a/y/3', 'b/x/4']);
  expect(await listed('a')).toEqual(['a/x/1', 'a/x/2', 'a/y/3']);
  expect(await listed('a/x')).toEqual(['a/x/1', 'a/x/2']);
  expect(await listed('c')).toEqual([]);
  expect(() => store.list('../a')).toThrow('file key');
});

test('what a killed writer left is swept once it is old, and nothing else', async () => {
  const root = await temporaryFolder();
  const store = await openStore(root);
  await store.write('a/b', Readable.from(['x']));
  const [old, fresh] = [join(root, '.temporary', randomUUID()), join(root, '.temporary', randomUUID())];
  for (const path of [old, fresh]) await writeFile(path, 'half');
  const anHourAgo = new Date(Date.now() - 3_600_000);
  await utimes(old, anHourAgo, anHourAgo);
  expect(await store.sweepTemporary(new Date(Date.now() - 1_800_000))).toBe(1);
  expect((await filesIn(root)).map((entry) => entry.name).sort()).toEqual(['b', fresh.split('/').at(-1)!].sort());
  expect(await keysOf(store.list(''))).toEqual(['a/b']);
});
