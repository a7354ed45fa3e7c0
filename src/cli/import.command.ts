import { Argument } from 'commander';
import { importDiscord } from '../intake/discord.importer.ts';
import { showPosition, type ImportReport } from '../intake/import-report.ts';
import { runImport, type ImportOptions } from '../intake/import.service.ts';
import { importMattermost } from '../intake/mattermost.importer.ts';
import { importNdjson } from '../intake/ndjson.importer.ts';
import type { Importer } from '../intake/records.ts';
import { importSlack } from '../intake/slack.importer.ts';
import type { Register } from './command.ts';
import { answer, table, type Io } from './io.ts';
import { commandScope, uuidOf, withSystem } from './with-system.ts';

/** The formats that can be imported, by the name the command line takes. */
const FORMATS = {
  ndjson: importNdjson,
  slack: importSlack,
  mattermost: importMattermost,
  discord: importDiscord,
} satisfies Record<string, Importer>;
type Format = keyof typeof FORMATS;

export const registerImport: Register = (program, io) => {
  program
    .command('import')
    .description(
      'import an export of a messaging platform into an app; running it again changes nothing, and completes one that was killed',
    )
    .addArgument(new Argument('<format>', 'what the export is').choices(Object.keys(FORMATS)))
    .argument('<path>', 'the file, folder or zip')
    .requiredOption('--tenant <id>', 'the tenant')
    .requiredOption('--app <id>', 'the app to import into')
    .option('--dry-run', 'check everything and report what would happen, but write nothing')
    .action(async (format: Format, path: string, options: { tenant: string; app: string; dryRun?: boolean }, command) => {
      const scope = commandScope(uuidOf('--tenant', options.tenant));
      const app = uuidOf('--app', options.app);
      const report = await withSystem(io, (system) =>
        runImport(system, scope, app, FORMATS[format], path, {
          dryRun: options.dryRun ?? false,
          onProgress: progressBar(io),
          signal: io.stop,
        }),
      ).finally(() => process.stderr.isTTY && io.err('\r\u001B[K'));
      answer(io, command.optsWithGlobals(), report, reportLines(report));
    });
};

/** A line on a terminal that is written over, at most ten times a second. */
function progressBar(io: Io): NonNullable<ImportOptions['onProgress']> {
  let shown = 0;
  return ({ done, total, records }) => {
    if (!process.stderr.isTTY || performance.now() - shown < 100) return;
    shown = performance.now();
    const share = total ? Math.min(1, done / total) : 0;
    const filled = Math.round(share * 30);
    io.err(
      `\r[${'#'.repeat(filled)}${'.'.repeat(30 - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %  ${records.toLocaleString('en')} records`,
    );
  };
}

/** What people read of a report. */
function reportLines(report: ImportReport): string[] {
  const { skipped, warnings, dropped, seconds } = report;
  const heading = report.dryRun
    ? 'Dry run: nothing was written. An import now would do this:'
    : `Read ${report.records.toLocaleString('en')} records in ${seconds} s.`;
  const lines = [
    heading,
    ...table(
      ['', 'created', 'updated', 'unchanged'],
      report.counts.map((row) => [row.what, row.created, row.updated, row.unchanged]),
    ),
  ];
  if (skipped.total) {
    lines.push('', `Skipped: ${skipped.total}`);
    for (const { what, reason, count } of skipped.reasons) lines.push(`  ${count} x ${what}: ${reason}`);
    lines.push(...listed(skipped.total, skipped.first, (one) => `${showPosition(one)}: ${one.what}: ${one.reason}`));
  }
  if (dropped.length) lines.push('', 'Left out on purpose:', ...dropped.map(({ what, count }) => `  ${count} x ${what}`));
  if (warnings.total)
    lines.push(
      '',
      `Warnings: ${warnings.total}`,
      ...listed(warnings.total, warnings.first, (one) => `${showPosition(one)}: ${one.message}`),
    );
  return lines;
}

function listed<T>(total: number, first: readonly T[], show: (one: T) => string): string[] {
  const lines = first.map((one) => `  at ${show(one)}`);
  return total > first.length ? [...lines, `  and ${total - first.length} more`] : lines;
}
