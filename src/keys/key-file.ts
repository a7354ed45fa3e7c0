import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { seal, unseal, type Place } from './sealed-value.ts';

/** What wraps tenant keys: a key management service. The local key file is one driver of it; Vault transit or a cloud's would be others. */
export interface KeyManagement {
  /** The id of the master key that new tenant keys are wrapped under. */
  readonly currentId: string;
  wrap(plain: Buffer, place: Place): Promise<{ masterId: string; wrapped: Buffer }>;
  unwrap(masterId: string, wrapped: Buffer, place: Place): Promise<Buffer>;
}

const fileSchema = z.object({
  current: z.string(),
  keys: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
});
type KeyFile = z.infer<typeof fileSchema>;

const FILE = 'master-keys.json';

async function writeFileAtomically(path: string, content: string, replace: boolean): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
    await file.close();
    // A link fails where the file is there already: two first starts at once end with one key.
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

const newKey = (): { id: string; key: string } => ({ id: `m${Date.now().toString(36)}${randomBytes(3).toString('hex')}`, key: randomBytes(32).toString('hex') });

async function readKeyFile(path: string): Promise<KeyFile> {
  const { mode } = await stat(path);
  if (mode & 0o077) throw new Error(`The master key file ${path} can be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${path}`);
  const parsed = fileSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
  if (!parsed.success || !parsed.data.keys[parsed.data.current]) throw new Error(`The master key file ${path} is damaged; restore it from its backup.`);
  return parsed.data;
}

/**
 * Opens the local key file of a folder. `create` makes it where it is missing, which is right on the very first start only:
 * over existing data a new master key would open nothing, so then a missing file is an error.
 */
export async function openKeyFile(folder: string, create: boolean): Promise<KeyManagement> {
  const path = join(folder, FILE);
  const missing = await stat(path).then(
    () => false,
    () => true,
  );
  if (missing) {
    if (!create) throw new Error(`The master key file ${path} is missing; restore it from its backup, nothing held can be read without it.`);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const { id, key } = newKey();
    await writeFileAtomically(path, JSON.stringify({ current: id, keys: { [id]: key } }, null, 2), false).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  let file = await readKeyFile(path);
  const master = async (id: string): Promise<Buffer> => {
    // Another process may have rotated the keys since this one read the file.
    if (!file.keys[id]) file = await readKeyFile(path);
    const key = file.keys[id];
    if (!key) throw new Error(`The master key ${id} is not in ${path}; restore the file from its backup.`);
    return Buffer.from(key, 'hex');
  };
  return {
    get currentId() {
      return file.current;
    },
    wrap: async (plain, place) => ({ masterId: file.current, wrapped: seal(await master(file.current), place, plain) }),
    unwrap: async (masterId, wrapped, place) => unseal(await master(masterId), place, wrapped),
  };
}

/** Adds a new master key and makes it the current one. The older ones stay until `dropOldKeys`, so that no tenant key is orphaned. */
export async function addMasterKey(folder: string): Promise<string> {
  const path = join(folder, FILE);
  const file = await readKeyFile(path);
  const { id, key } = newKey();
  await writeFileAtomically(path, JSON.stringify({ current: id, keys: { ...file.keys, [id]: key } }, null, 2), true);
  return id;
}

/** Removes every master key but the current one, once no tenant key is wrapped under them. */
export async function dropOldKeys(folder: string): Promise<number> {
  const path = join(folder, FILE);
  const file = await readKeyFile(path);
  const old = Object.keys(file.keys).filter((id) => id !== file.current);
  await writeFileAtomically(path, JSON.stringify({ current: file.current, keys: { [file.current]: file.keys[file.current] } }, null, 2), true);
  return old.length;
}
