import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What `secrets.json` in the home folder holds: the passwords of the embedded database's roles, and its port. */
export interface DatabaseSecrets {
  port: number;
  passwords: { postgres: string; habeas_owner: string; habeas_app: string };
}

export const secretsPath = (home: string): string => join(home, 'secrets.json');

/** Reads the secrets; undefined where there are none yet. A file that cannot be read is an error that says what mends it. */
export async function readSecrets(home: string): Promise<DatabaseSecrets | undefined> {
  const path = secretsPath(home);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES') {
      throw new Error(
        `${path} belongs to another user. Run habeas as the user that made it, or set HABEAS_HOME to a folder of your own.`,
      );
    }
    throw error;
  }
  const secrets = parse(text);
  if (!secrets) {
    // The text holds passwords, so it is never quoted.
    throw new Error(
      `${path} is not a valid secrets file. Restore it from a backup: without it the database's passwords are lost.`,
    );
  }
  return secrets;
}

export function generateSecrets(port: number): DatabaseSecrets {
  const password = () => randomBytes(24).toString('base64url');
  return { port, passwords: { postgres: password(), habeas_owner: password(), habeas_app: password() } };
}

/** Replaces the file whole: a killed process leaves the old one or the new one, never half of one. */
export async function writeSecrets(home: string, secrets: DatabaseSecrets): Promise<void> {
  const temporary = `${secretsPath(home)}.new`;
  const before = await stat(secretsPath(home)).catch(() => undefined);
  await rm(temporary, { force: true });
  // O_EXCL makes the file ours and 0600 from its first byte on.
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(`${JSON.stringify(secrets, null, 2)}\n`);
    // A start by root must not lock out the user whose folder this is.
    if (before && process.getuid?.() === 0) await file.chown(before.uid, before.gid);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, secretsPath(home));
}

function parse(text: string): DatabaseSecrets | undefined {
  try {
    const { port, passwords } = JSON.parse(text) as Partial<DatabaseSecrets>;
    const all = [passwords?.postgres, passwords?.habeas_owner, passwords?.habeas_app];
    const valid = Number.isInteger(port) && all.every((password) => typeof password === 'string' && password.length > 0);
    return valid && port !== undefined && passwords ? { port, passwords } : undefined;
  } catch {
    return undefined;
  }
}
