import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { end, track } from '../child.ts';
import { watch, type Result } from '../measure.ts';

/** `psql \copy` piped into 7z: what an operator would type to hand a person's messages out as an encrypted zip. */
export async function psqlIntoZip({ url, select, path }: { url: string; select: string; path: string }): Promise<Result> {
  await rm(path, { force: true });
  const began = performance.now();
  const psql = track(
    spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', `\\copy (${select}) to stdout with (format csv, header)`, url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const zip = track(
    spawn(
      '7z',
      ['a', '-simessages.csv', '-tzip', '-mem=AES256', '-mx=5', '-pcorrect-horse-battery-staple', '-bso0', '-bsp0', path],
      { stdio: [psql.stdout, 'ignore', 'inherit'] },
    ),
  );
  // The pipe is theirs; nothing of it is read here.
  psql.stdout.destroy();
  const watched = watch([psql.pid!, zip.pid!]);
  try {
    const [[read], [packed]] = await Promise.all([once(psql, 'exit'), once(zip, 'exit')]);
    if (read !== 0 || packed !== 0) throw new Error(`psql ended with ${read}, 7z with ${packed}`);
    return {
      seconds: (performance.now() - began) / 1000,
      ...watched.usage(),
      fileMegabytes: (await stat(path)).size / 1e6,
    };
  } finally {
    watched.stop();
    await Promise.all([end(psql), end(zip)]);
  }
}
