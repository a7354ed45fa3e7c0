import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { withLock } from '../database/embedded-lock.ts';
import { seal, unseal, type Place } from './sealed-value.ts';

/** What wraps tenant keys: a key management service. The local key file is one driver of it; Vault transit or a cloud's would be others. */
export interface KeyManagement {
  /** Wraps under the master key that is current now. */
  wrap(plain: Buffer, place: Place): Promise<{ masterId: string; wrapped: Buffer }>;
  unwrap(masterId: string, wrapped: Buffer, place: Place): Promise<Buffer>;
}

const fileSchema = z.object({
  current: z.string(),
  keys: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
});
type KeyFile = z.infer<typeof fileSchema>;

export const MASTER_KEY_FILE = 'master-keys.json';

async function writeFileAtomically(path: string, content: string, replace: boolean): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const before = await stat(path).catch(() => undefined);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    // Rotated by root, it must not lock out the user that the server runs as.
    if (before && process.getuid?.() === 0) await file.chown(before.uid, before.gid);
    await file.sync();
    await file.close();
    // A link fails where the file is there already: two first starts at once end with one key.
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
}

/** A name is only as durable as the folder that holds it: after a power cut nothing may be wrapped under a key that is in no file. */
async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

const newKey = (): { id: string; key: string } => ({
  id: `m${Date.now().toString(36)}${randomBytes(3).toString('hex')}`,
  key: randomBytes(32).toString('hex'),
});

const damaged = (path: string): Error => new Error(`The master key file ${path} is damaged; restore it from its backup.`);

async function readKeyFile(path: string): Promise<KeyFile> {
  const { mode } = await stat(path);
  // Windows has no such bits; there the folder's own rights must do.
  if (process.platform !== 'win32' && mode & 0o077)
    throw new Error(
      `The master key file ${path} can be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${path}`,
    );
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    // A parser's own error quotes what it read.
    throw error instanceof SyntaxError ? damaged(path) : error;
  }
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success || !Object.hasOwn(parsed.data.keys, parsed.data.current)) throw damaged(path);
  return parsed.data;
}

/**
 * Opens the local key file of a folder. `create` makes it where it is missing, which is right on the very first start only:
 * over existing data a new master key would open nothing, so then a missing file is an error.
 */
export async function openKeyFile(folder: string, create: boolean): Promise<KeyManagement> {
  const path = join(folder, MASTER_KEY_FILE);
  const missing = await stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return true;
      throw new Error(`The master key file ${path} cannot be reached (${error.code}); run habeas as the user that made it.`);
    },
  );
  if (missing) {
    if (!create)
      throw new Error(`The master key file ${path} is missing; restore it from its backup, nothing held can be read without it.`);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const { id, key } = newKey();
    await writeFileAtomically(path, JSON.stringify({ current: id, keys: { [id]: key } }, null, 2), false).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
  let file = await readKeyFile(path);
  const master = async (id: string): Promise<Buffer> => {
    // Another process may have rotated the keys since this one read the file.
    if (!Object.hasOwn(file.keys, id)) file = await readKeyFile(path);
    const key = Object.hasOwn(file.keys, id) ? file.keys[id] : undefined;
    if (!key) throw new Error(`The master key ${id} is not in ${path}; restore the file from its backup.`);
    return Buffer.from(key, 'hex');
  };
  return {
    wrap: async (plain, place) => {
      // Another process may have made a new master key current, and be about to drop the one read before.
      file = await readKeyFile(path);
      return { masterId: file.current, wrapped: seal(await master(file.current), place, plain) };
    },
    unwrap: async (masterId, wrapped, place) => unseal(await master(masterId), place, wrapped),
  };
}

/** Changes the file whole, one process at a time: of two rotations at once neither may lose the other's key. */
async function changeKeyFile(folder: string, change: (file: KeyFile) => KeyFile): Promise<void> {
  const path = join(folder, MASTER_KEY_FILE);
  await withLock(`${path}.lock`, async () => {
    await writeFileAtomically(path, JSON.stringify(change(await readKeyFile(path)), null, 2), true);
  });
}

/** Adds a new master key and makes it the current one. The older ones stay until `dropMasterKeys`, so that no tenant key is orphaned. */
export async function addMasterKey(folder: string): Promise<string> {
  const { id, key } = newKey();
  await changeKeyFile(folder, (file) => ({ current: id, keys: { ...file.keys, [id]: key } }));
  return id;
}

/** Removes every master key but the current one and those still in use, and answers the ids of what is gone. */
export async function dropMasterKeys(folder: string, used: ReadonlySet<string>): Promise<string[]> {
  let dropped: string[] = [];
  await changeKeyFile(folder, (file) => {
    const kept = Object.entries(file.keys).filter(([id]) => id === file.current || used.has(id));
    dropped = Object.keys(file.keys).filter((id) => !kept.some(([keptId]) => keptId === id));
    return { current: file.current, keys: Object.fromEntries(kept) };
  });
  return dropped;
}
