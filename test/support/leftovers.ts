import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '../../src/database/embedded.ts';
import { isAlive } from '../../src/database/embedded-lock.ts';

/** Homes of test runs; the run's process id follows, then a random part. */
export const HOME_PREFIX = 'habeas-test-';

/** Stops and removes what killed runs left: a cluster whose run is dead has nobody else to end it. */
export async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${HOME_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) await removeHome(join(tmpdir(), name));
  }
}

/** Ends the server that runs in a home folder, if one does, and removes the folder. */
export async function removeHome(home: string): Promise<void> {
  if (existsSync(join(home, 'postgres', 'postmaster.pid'))) {
    const leftover = await startEmbedded(home).catch(() => undefined);
    await leftover?.stop();
  }
  await rm(home, { recursive: true, force: true });
}
