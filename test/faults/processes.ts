import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** The command, built and copied into a folder of its own: other runs may build meanwhile. */
export interface BuiltHabeas {
  start(argv: string[], environment: Record<string, string>): HabeasProcess;
  remove(): Promise<void>;
}

/** A running command. */
export interface HabeasProcess {
  child: ChildProcess;
  /** What it printed so far. */
  output(): string;
  /** What it logged so far. */
  log(): string;
  /** Waits until it has printed something. */
  until(text: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal and waits for the process to be gone. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Its exit code; null where a signal ended it. */
  ended: Promise<number | null>;
}

/** What `npm start` has node told. */
const { start } = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } }).scripts;
const FLAGS = start.match(/--[a-z][a-z=0-9-]*/g)!;

export async function buildHabeas(): Promise<BuiltHabeas> {
  const folder = await mkdtemp(join(tmpdir(), 'habeas-built-'));
  // Only what has changed since the last build is compiled, as npm start does.
  await promisify(execFile)(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json']);
  await cp('dist', join(folder, 'dist'), { recursive: true });
  await cp('package.json', join(folder, 'package.json'));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  const running = new Set<HabeasProcess>();
  return {
    start: (argv, environment) => {
      const started = startProcess(join(folder, 'dist', 'src', 'cli', 'habeas.js'), argv, environment);
      running.add(started);
      void started.ended.then(() => running.delete(started));
      return started;
    },
    remove: async () => {
      await Promise.all([...running].map((one) => one.end('SIGKILL')));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function startProcess(script: string, argv: string[], environment: Record<string, string>): HabeasProcess {
  const child = spawn(process.execPath, [...FLAGS, script, ...argv], {
    env: { ...process.env, HABEAS_PORT: '0', HABEAS_LOG_LEVEL: 'error', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
  return {
    child,
    output: () => out,
    log: () => err,
    ended,
    until: (text) =>
      new Promise((found, reject) => {
        const look = (): void => {
          const match = text.exec(out);
          if (match) found(match);
        };
        child.stdout.on('data', look);
        void ended.then((code) => reject(new Error(`${argv[0]} ended with ${code}: ${err}`)));
        look();
      }),
    end: async (signal) => {
      child.kill(signal);
      await ended;
    },
  };
}
