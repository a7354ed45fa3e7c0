import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../built.ts';
import { freePort, track, untilAnswers } from '../child.ts';
import { alternate, show, spread, timed } from '../measure.ts';
import type { Run } from './workload.ts';

/** `npm start` until /readyz answers, then an end. */
async function startOnce(home: string): Promise<number> {
  const port = await freePort();
  // npm, its shell and the server are one group, which is told to end as by Ctrl-C in a terminal.
  const child = track(
    spawn('npm', ['start', '--silent'], {
      cwd: ROOT,
      env: { ...process.env, HABEAS_HOME: home, HABEAS_PORT: String(port), HABEAS_LOG_LEVEL: 'error' },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    }),
  );
  const exited = once(child, 'exit');
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    return await timed(() => untilAnswers(`http://127.0.0.1:${port}/readyz`, () => child.exitCode !== null));
  } catch (error) {
    throw new Error(`npm start: ${(error as Error).message}\n${said}`, { cause: error });
  } finally {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGINT');
    await exited;
  }
}

export const start: Run = async (bed, options, log) => {
  const home = join(bed.home, 'start');
  await mkdir(home);
  log('  The first start makes the database');
  const first = await startOnce(home);
  const series = await alternate(options.runs, [{ name: 'Habeas', run: async () => ({ seconds: await startOnce(home) }) }], log);
  await rm(home, { recursive: true, force: true });
  return {
    title: 'Start: `npm start` to `/readyz`',
    text: [
      'With the embedded database, which stops with the server and is started anew; the time includes the build that `npm start` does first.',
    ],
    head: ['', 'seconds'],
    rows: [
      ['on an existing database', show(spread(series.get('Habeas')!, 'seconds'))],
      ['the very first, which makes the database', first.toPrecision(3)],
    ],
  };
};
