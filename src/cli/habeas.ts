#!/usr/bin/env -S node --max-semi-space-size=32 --heap-growing-percent=100 --no-minor-gc-task --expose-gc
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    `UNAVAILABLE: This is Node ${process.versions.node}; Habeas runs on the Node 24 that npm ci brings. Call it as npm run -s habeas --, and if that says this, too: npm rebuild node\n`,
  );
  process.exit(1);
}

// What was compiled is kept beside the program, where nobody else may write: a fifth of the time to start.
enableCompileCache(join(import.meta.dirname, '..', '..', '.compiled'));
const { run } = await import('./run.ts');

const stopping = new AbortController();
let asked = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopping.abort();
    // The first asks; whoever asks again does not want to wait. What is not committed is rolled back, nothing is lost.
    if ((asked += 1) > 1) process.exit(130);
    setTimeout(() => process.exit(1), 10_000).unref();
  });
}
// A reader that went away (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  environment: process.env,
  stop: stopping.signal,
});
