import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { readOptions, SECONDS, USAGE, type Workload } from './options.ts';
import type { Run } from './workloads/workload.ts';

const options = (() => {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: ${USAGE}`);
    process.exit(2);
  }
})();

// The peers are installed by whoever measures, and by nobody else.
if (!existsSync(join(import.meta.dirname, 'node_modules')))
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: import.meta.dirname, stdio: 'inherit' });

const { openBed } = await import('./bed.ts');
const { endAll } = await import('./child.ts');
const { commit, machine } = await import('./machine.ts');
const { toText, writeBlock, writeReport } = await import('./report.ts');
const { erase } = await import('./workloads/erase.ts');
const { exportRun } = await import('./workloads/export.ts');
const { growth } = await import('./workloads/growth.ts');
const { importRun } = await import('./workloads/import.ts');
const { memory } = await import('./workloads/memory.ts');
const { read } = await import('./workloads/read.ts');
const { start } = await import('./workloads/start.ts');

const RUNS: Record<Workload, Run> = { export: exportRun, read, import: importRun, erase, growth, memory, start };
const log = (line: string): void => console.log(line);

const bed = await openBed(log);
let closing: Promise<void> | undefined;
const close = (): Promise<void> => (closing ??= endAll().then(() => bed.close()));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close().then(() => process.exit(130)));
try {
  const about = await machine(bed.adminUrl);
  if (options.write) await writeBlock('machine', about.join('\n'));
  const size = options.rows === undefined ? '' : ` --rows ${options.rows}`;
  const time = options.seconds === SECONDS ? '' : ` --seconds ${options.seconds}`;
  for (const workload of options.workloads) {
    log(`\n${workload}`);
    const before = loadavg()[0]!.toFixed(1);
    const report = await RUNS[workload](bed, options, log);
    log(`\n${toText(report)}`);
    const command = `npm run bench -- ${workload} --runs ${options.runs}${size}${time}`;
    const made = [
      `Medians of ${options.runs} runs a side, in turn (least to most); \`${command}\`, commit ${commit()}, ${new Date().toISOString().slice(0, 10)}, load average before ${before}.`,
    ];
    if (options.write) await writeReport(workload, report, made);
  }
} catch (error) {
  if (!closing) throw error;
} finally {
  await close();
}
