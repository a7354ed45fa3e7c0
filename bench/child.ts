import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIST, ROOT } from './built.ts';
import { watch, type Result, type Usage } from './measure.ts';

const running = new Set<ChildProcess>();

/** Ends what is still running; a run that fails leaves nothing behind. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((child) => end(child)));
}

/** What `npm start` has node told. */
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
const FLAGS = scripts.start.match(/--[a-z][a-z=0-9-]*/g)!;

/** Peers are started as node starts whatever it is given: their young heap is of node's own size, four times ours. */
const PEERS = join(import.meta.dirname, 'peers/');

function start(file: string, args: readonly string[], environment: NodeJS.ProcessEnv, profile?: string): ChildProcess {
  if (profile) mkdirSync(profile, { recursive: true });
  const flags = file.startsWith(PEERS) ? [] : [...FLAGS];
  if (profile) flags.push('--cpu-prof', `--cpu-prof-dir=${profile}`);
  const child = spawn(process.execPath, [...flags, '--no-warnings', file, ...args], {
    cwd: ROOT,
    env: { ...process.env, NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return track(child);
}

export function track<Child extends ChildProcess>(child: Child): Child {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const giveUp = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await exited;
  clearTimeout(giveUp);
}

/**
 * Runs one piece of work in a process of its own, so that its memory is its own, and answers what it sent: the script measures
 * itself, without the time its process takes to begin. Adds what it used.
 */
export async function runChild(
  script: string,
  job: object,
  environment: NodeJS.ProcessEnv = {},
  profile?: string,
): Promise<Result> {
  const child = start(join(import.meta.dirname, script), [JSON.stringify(job)], environment, profile);
  const watched = watch([child.pid!]);
  try {
    const exited = once(child, 'exit') as Promise<[number | null]>;
    const answered = once(child, 'message') as Promise<[Result]>;
    const first = await Promise.race([
      answered,
      exited.then(([code]) => Promise.reject(new Error(`${script} ended with ${code}`))),
    ]);
    const usage = watched.usage();
    await exited;
    return { ...(first as [Result])[0], ...usage };
  } finally {
    watched.stop();
    await end(child);
  }
}

/** What a child script was given. */
export const job = <Job>(): Job => JSON.parse(process.argv[2]!) as Job;

/** Answers the parent, and lets the process end. */
export function answer(result: Result): void {
  process.send!(result, () => process.disconnect());
}

export interface Served {
  url: string;
  pid: number;
  usage: () => Usage;
  close: () => Promise<void>;
}

/** Starts a server in a process of its own and waits until it answers `path`. */
async function serveFile(
  file: string,
  args: readonly string[],
  port: number,
  path: string,
  environment: NodeJS.ProcessEnv,
  profile?: string,
): Promise<Served> {
  const child = start(file, args, environment, profile);
  const url = `http://127.0.0.1:${port}`;
  const watched = watch([child.pid!]);
  await untilAnswers(`${url}${path}`, () => child.exitCode !== null);
  const close = async (): Promise<void> => {
    watched.stop();
    await end(child);
  };
  return { url, pid: child.pid!, usage: watched.usage, close };
}

/** Habeas itself, as `npm start` runs it but for the build. */
export async function serveHabeas(environment: NodeJS.ProcessEnv, profile?: string): Promise<Served> {
  const port = await freePort();
  const file = join(DIST, 'src/cli/habeas.js');
  return serveFile(
    file,
    ['serve'],
    port,
    '/readyz',
    { ...environment, HABEAS_PORT: String(port), HABEAS_LOG_LEVEL: 'silent' },
    profile,
  );
}

export async function servePeer(script: string, settings: object): Promise<Served> {
  const port = await freePort();
  const args = [JSON.stringify({ ...settings, port })];
  return serveFile(join(import.meta.dirname, script), args, port, '/', { GRAPHILE_ENV: 'production' });
}

export async function untilAnswers(url: string, gone: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const answered = await fetch(url).catch(() => undefined);
    await answered?.arrayBuffer();
    // The peer has no page at /; that it says so is an answer.
    if (answered && answered.status < 500) return;
    if (gone()) throw new Error(`The server of ${url} ended before it answered`);
    if (Date.now() > deadline) throw new Error(`${url} does not answer`);
    await sleep(10);
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
