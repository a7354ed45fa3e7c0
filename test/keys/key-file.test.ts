import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { addMasterKey, dropMasterKeys, MASTER_KEY_FILE, openKeyFile } from '../../src/keys/key-file.ts';
import { openSystem } from '../../src/main.ts';
import { openWorld } from '../support/world.ts';

const folders: string[] = [];
let folder: string;
const path = () => join(folder, MASTER_KEY_FILE);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'habeas-keys-'));
  folders.push(folder);
});
afterAll(() => Promise.all(folders.map((each) => rm(each, { recursive: true, force: true }))));

const place = { tenantId: 't', subjectId: 't', column: 'tenant_keys.wrapped', row: 't' };
const keysIn = async () => JSON.parse(await readFile(path(), 'utf8')) as { current: string; keys: Record<string, string> };

describe('the master key file', () => {
  test('is made on the first start, for its owner alone', async () => {
    await openKeyFile(folder, true);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    expect(Object.keys((await keysIn()).keys)).toHaveLength(1);
  });

  test('is made once by first starts at once, and every one of them opens what any of them sealed', async () => {
    const started = await Promise.all(Array.from({ length: 8 }, () => openKeyFile(folder, true)));
    expect(Object.keys((await keysIn()).keys)).toHaveLength(1);
    const { masterId, wrapped } = await started[0]!.wrap(Buffer.from('secret'), place);
    for (const each of started) expect((await each.unwrap(masterId, wrapped, place)).toString()).toBe('secret');
  });

  test.each([0o644, 0o640, 0o604, 0o660])('is refused with mode %o, and the message says how to mend it', async (mode) => {
    await openKeyFile(folder, true);
    await chmod(path(), mode);
    await expect(openKeyFile(folder, false)).rejects.toThrow(`chmod 600 ${path()}`);
  });

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot('rotated by root still belongs to the user that the server runs as', async () => {
    await openKeyFile(folder, true);
    await chown(path(), 65534, 65534);
    const id = await addMasterKey(folder);
    expect((await keysIn()).current).toBe(id);
    const { uid, gid, mode } = await stat(path());
    expect([uid, gid, mode & 0o777]).toEqual([65534, 65534, 0o600]);
  });

  test('that is missing over existing data is never made anew', async () => {
    await expect(openKeyFile(folder, false)).rejects.toThrow(/is missing; restore it from its backup/);
    await expect(stat(path())).rejects.toThrow('ENOENT');
  });

  test.each([
    '',
    '{',
    '{"current":"a","keys":{}}',
    '{"current":"a","keys":{"a":"00"}}',
    `{"current":"toString","keys":{"a":"${'0'.repeat(64)}"}}`,
    `[{"deadbeef":1}]`,
  ])('that holds %j is called damaged, and its content is not quoted', async (content) => {
    await writeFile(path(), content, { mode: 0o600 });
    const error: Error = await openKeyFile(folder, false).then(
      () => new Error('opened'),
      (refused: Error) => refused,
    );
    expect(error.message).toBe(`The master key file ${path()} is damaged; restore it from its backup.`);
  });

  test('loses no key to rotations at once', async () => {
    await openKeyFile(folder, true);
    const added = await Promise.all(Array.from({ length: 5 }, () => addMasterKey(folder)));
    const { current, keys } = await keysIn();
    expect(Object.keys(keys)).toHaveLength(6);
    expect(added).toContain(current);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  test('keeps what is in use when old keys are dropped', async () => {
    await openKeyFile(folder, true);
    const [first] = Object.keys((await keysIn()).keys) as [string];
    const second = await addMasterKey(folder);
    const third = await addMasterKey(folder);
    expect(await dropMasterKeys(folder, new Set([first]))).toEqual([second]);
    expect(Object.keys((await keysIn()).keys).sort()).toEqual([first, third].sort());
  });

  test('that another process has rotated is read again, for wrapping and for unwrapping', async () => {
    const before = await openKeyFile(folder, true);
    const old = await before.wrap(Buffer.from('old'), place);
    const current = await addMasterKey(folder);
    const fresh = await (await openKeyFile(folder, false)).wrap(Buffer.from('fresh'), place);
    expect((await before.unwrap(fresh.masterId, fresh.wrapped, place)).toString()).toBe('fresh');
    expect((await before.wrap(Buffer.from('new'), place)).masterId).toBe(current);
    expect((await before.unwrap(old.masterId, old.wrapped, place)).toString()).toBe('old');
  });
});

test('a server does not start over existing keys without their file, even before there is a tenant', async () => {
  const world = await openWorld({ work: false });
  try {
    const config = { ...world.config, keys: folder };
    await expect(openSystem(config, world.database.runtimeUrl)).rejects.toThrow(/is missing; restore it from its backup/);
    await expect(stat(path())).rejects.toThrow('ENOENT');
    await chmod(join(world.config.keys, MASTER_KEY_FILE), 0o644);
    await expect(openSystem(world.config, world.database.runtimeUrl)).rejects.toThrow(/can be read by others \(mode 644\)/);
  } finally {
    await world.close();
  }
});
