import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 90_000;

/**
 * Runs `work` while no other process starts or stops the same embedded database. The lock is a file naming its
 * holder; a holder that died is found by its process id and, where the system tells it, the time that process began.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const mine = `${process.pid} ${beganAt(process.pid)} ${randomBytes(6).toString('hex')}`;
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const deadline = Date.now() + PATIENCE_MS;
  await writeFile(draft, mine, { flag: 'wx', mode: 0o600 });
  try {
    // A hard link appears with its content or not at all, so nobody ever reads an empty lock.
    while (!(await linked(draft, path))) {
      const holder = await readFile(path, 'utf8').catch(() => undefined);
      if (holder !== undefined && !isHeld(holder)) await removeStale(path, holder);
      else if (Date.now() > deadline) throw new Error(waitedTooLong(path, holder));
      else await sleep(50);
    }
  } finally {
    await rm(draft, { force: true });
  }
  try {
    return await work();
  } finally {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === mine) await rm(path, { force: true });
  }
}

/** True while a process of this id runs, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isHeld(holder: string): boolean {
  const [pid, began] = holder.split(' ');
  return isAlive(Number(pid)) && beganAt(Number(pid)) === began;
}

/** Takes the stale lock aside; puts it back if, between reading and renaming, another process had made its own. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}.${randomBytes(4).toString('hex')}`;
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  if ((await readFile(aside, 'utf8')) !== stale) await linked(aside, path);
  await rm(aside, { force: true });
}

/** When the process began, in the kernel's ticks: tells a process from a later one of the same id. '-' where unknown. */
function beganAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold spaces: count from the last bracket.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}

function waitedTooLong(path: string, holder: string | undefined): string {
  const who = holder === undefined ? 'another process' : `process ${holder.split(' ')[0]}`;
  return `Waited ${PATIENCE_MS / 1000} s for ${who} to finish starting or stopping the embedded database. If it is no habeas process, delete ${path} and start again.`;
}
