import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import yauzl from 'yauzl';
import { csvStream } from '../../src/artefacts/csv.ts';
import { openStore } from '../../src/artefacts/file-store.ts';
import type { FileStore } from '../../src/artefacts/file-store.ts';
import { writePackage } from '../../src/artefacts/package.ts';
import type { PackageEntry } from '../../src/artefacts/package.ts';
import { openSealed, sealedSize } from '../../src/artefacts/sealed-stream.ts';
import { Refusal } from '../../src/errors.ts';
import { all, pageOf, temporaryFolder } from './support.ts';

const KEY = 'a0/export/b1';
const sealKey = randomBytes(32);
const settings = { manifest: { schemaVersion: 1 }, sealKey, context: KEY };

async function entriesOf(zip: Buffer): Promise<Map<string, Buffer>> {
  const archive = await yauzl.fromBufferPromise(zip);
  const entries = new Map<string, Buffer>();
  for await (const entry of archive.eachEntry())
    entries.set(entry.fileName, await all(await archive.openReadStreamPromise(entry)));
  return entries;
}

async function* threeEntries(): AsyncGenerator<PackageEntry> {
  const messages = [
    ['1', '=1+1'],
    ['2', 'hello'],
  ];
  yield { name: 'messages.csv', content: csvStream(['id', 'body'])([pageOf(messages)]), rows: () => messages.length };
  yield {
    name: 'files/photo.jpg',
    content: (async function* () {
      yield* [randomBytes(500_000), randomBytes(1)];
    })(),
  };
  yield { name: 'withheld.json', content: '[]' };
}

const leftIn = async (root: string) =>
  (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;
const storeIn = async () => {
  const root = await temporaryFolder();
  return { root, store: await openStore(root) };
};

test('a package is sealed in the store, and its manifest comes last and tells size, SHA-256 and rows of each entry', async () => {
  const { store } = await storeIn();
  const written = await writePackage(store, KEY, { ...settings, entries: threeEntries() });
  expect(await store.size(KEY)).toBe(sealedSize(written.size));
  expect((await all(await store.read(KEY))).includes('manifest.json')).toBe(false);

  const zip = await all(openSealed(sealKey, KEY, await store.open(KEY), written.size));
  expect(createHash('sha256').update(zip).digest('hex')).toBe(written.sha256);
  const entries = await entriesOf(zip);
  expect([...entries.keys()]).toEqual(['messages.csv', 'files/photo.jpg', 'withheld.json', 'manifest.json']);
  expect(entries.get('messages.csv')!.toString()).toBe("id,body\r\n1,'=1+1\r\n2,hello\r\n");
  const manifest = JSON.parse(entries.get('manifest.json')!.toString()) as {
    schemaVersion: number;
    entries: typeof written.entries;
  };
  expect(manifest).toEqual({ schemaVersion: 1, entries: written.entries });
  expect(manifest.entries.map(({ name, rows }) => [name, rows])).toEqual([
    ['messages.csv', 2],
    ['files/photo.jpg', undefined],
    ['withheld.json', undefined],
  ]);
  for (const { name, size, sha256 } of manifest.entries) {
    expect(entries.get(name)!.length).toBe(size);
    expect(createHash('sha256').update(entries.get(name)!).digest('hex')).toBe(sha256);
  }
});

test('a download can be resumed anywhere', async () => {
  const { store } = await storeIn();
  const { size } = await writePackage(store, KEY, { ...settings, entries: threeEntries() });
  const whole = await all(openSealed(sealKey, KEY, await store.open(KEY), size));
  const rest = await all(openSealed(sealKey, KEY, await store.open(KEY), size, { start: 123_456 }));
  expect(rest.equals(whole.subarray(123_456))).toBe(true);
});

test.each([
  [
    'an entry whose content fails',
    async function* (): AsyncGenerator<PackageEntry> {
      yield { name: 'a', content: 'x' };
      yield {
        name: 'b',
        content: (async function* () {
          yield randomBytes(300_000);
          throw new Error('no more');
        })(),
      };
    },
  ],
  [
    'a list of entries that fails',
    async function* (): AsyncGenerator<PackageEntry> {
      yield { name: 'a', content: randomBytes(300_000) };
      throw new Error('no more');
    },
  ],
])('%s leaves nothing behind and tells its own reason', async (_, entries) => {
  const { root, store } = await storeIn();
  await expect(writePackage(store, KEY, { ...settings, entries: entries() })).rejects.toThrow('no more');
  expect(await leftIn(root)).toBe(0);
});

test('two entries of one name are refused, one of the name of the manifest too', async () => {
  const { root, store } = await storeIn();
  for (const name of ['A.csv', 'manifest.json'])
    await expect(
      writePackage(store, KEY, {
        ...settings,
        entries: [
          { name: 'a.csv', content: '1' },
          { name, content: '2' },
        ],
      }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await leftIn(root)).toBe(0);
});

test('a package that is called off leaves nothing behind, whatever it was at', async () => {
  const { root, store } = await storeIn();
  const called = AbortSignal.abort(new Error('called off'));
  await expect(writePackage(store, KEY, { ...settings, entries: threeEntries(), signal: called })).rejects.toThrow('called off');

  for (const wait of [0, 5, 30]) {
    const stop = new AbortController();
    let closed = false;
    async function* endless() {
      try {
        for (;;) {
          await pause(1);
          yield randomBytes(50_000);
        }
      } finally {
        closed = true;
      }
    }
    const writing = writePackage(store, KEY, { ...settings, entries: [{ name: 'a', content: endless() }], signal: stop.signal });
    setTimeout(() => stop.abort(new Error('called off')), wait);
    await expect(writing).rejects.toThrow('called off');
    expect(closed).toBe(true);
  }
  expect(await leftIn(root)).toBe(0);
});

test('a store that fails stops the writers, and its reason is the one that is told', async () => {
  const { root, store } = await storeIn();
  const full: FileStore = {
    ...store,
    write: (key, source) =>
      store.write(
        key,
        (async function* () {
          let size = 0;
          for await (const chunk of source) {
            size += chunk.length;
            if (size > 500_000) throw new Refusal('UNAVAILABLE', 'The file store is full.');
            yield Buffer.from(chunk);
          }
        })(),
      ),
  };
  const endless = (async function* () {
    for (;;) yield randomBytes(50_000);
  })();
  await expect(writePackage(full, KEY, { ...settings, entries: [{ name: 'a', content: endless }] })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  expect(await leftIn(root)).toBe(0);
});
