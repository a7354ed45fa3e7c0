import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Refusal } from '../errors.ts';
import { keyIdOf } from './checkpoint.ts';
import type { Signer } from './checkpoint.ts';

const FILE = 'audit-signing.json';
const stored = z.object({ version: z.literal(1), privateKey: z.string() });

/** Opens the key that signs checkpoints, kept in `<dir>/audit-signing.json` (0600) and made on first use. */
export async function openSigner(dir: string): Promise<Signer> {
  const path = join(dir, FILE);
  const text = (await readOrNothing(path)) ?? (await create(dir, path));
  const parsed = stored.safeParse(parseJson(text));
  if (!parsed.success) throw new Refusal('UNAVAILABLE', `${path} is not an audit signing key; restore it from a backup.`);
  const privateKey = createPrivateKey(parsed.data.privateKey);
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Refusal('UNAVAILABLE', `${path} does not hold an Ed25519 key.`);
  const spki = createPublicKey(privateKey);
  return {
    keyId: keyIdOf(spki),
    publicKey: spki.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (message) => sign(null, Buffer.from(message), privateKey),
  };
}

/** Two processes may start at once: whoever links first has made the key, the other one takes it. */
async function create(dir: string, path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const text = JSON.stringify({ version: 1, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) });
  await mkdir(dir, { recursive: true });
  const temporary = `${path}.${randomUUID()}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await link(temporary, path);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return await readFile(path, 'utf8');
  } finally {
    await unlink(temporary);
  }
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
