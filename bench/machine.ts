import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { withClient } from './bed.ts';
import { ROOT } from './built.ts';

const said = (command: string, ...args: string[]): string => {
  try {
    return execFileSync(command, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'not there';
  }
};

const installed = (folder: string, name: string): string =>
  (JSON.parse(readFileSync(join(ROOT, folder, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version;

/** The commit that was measured; `-dirty` if anything but the page of results, which a run itself writes, was not in it. */
export const commit = (): string =>
  said('git', 'describe', '--always') + (said('git', 'status', '--porcelain', '--', '.', ':!docs/benchmarks.md') ? '-dirty' : '');

/** What was measured on, by which versions of everything. */
export async function machine(adminUrl: string): Promise<string[]> {
  const [setting] = await withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ version: string; fsync: string; buffers: string }>(
      `select current_setting('server_version') as version, current_setting('fsync') as fsync, current_setting('shared_buffers') as buffers`,
    );
    return rows;
  });
  const { version, fsync, buffers } = setting!;
  return [
    `Machine: ${cpus().length} × ${cpus()[0]!.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, ${type()} ${release()}; server, database and load share its cores.`,
    `PostgreSQL ${version} (embedded, fsync ${fsync}, shared_buffers ${buffers}, the same server for both sides), Node ${process.versions.node}, PostGraphile ${installed('bench', 'postgraphile')}, autocannon ${installed('bench', 'autocannon')}, ${said('psql', '--version')}, ${/7-Zip[^:]*/.exec(said('7z', 'i'))?.[0].trim() ?? '7z not there'}.`,
  ];
}
