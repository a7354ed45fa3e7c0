import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './built.ts';
import type { Report } from './workloads/workload.ts';

const PAGE = join(ROOT, 'docs/benchmarks.md');

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const toMarkdown = ({ title, text, head, rows }: Report, made: readonly string[]): string =>
  [`## ${title}`, ...text, [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n'), made.join('\n')].join('\n\n');

export const writeReport = (workload: string, report: Report, made: readonly string[]): Promise<void> =>
  writeBlock(workload, toMarkdown(report, made));

/** Puts text between the two marks of its name in docs/benchmarks.md; what people wrote around them stays. */
export async function writeBlock(name: string, text: string): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const begin = `<!-- bench:${name} -->`;
  const end = `<!-- /bench:${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`docs/benchmarks.md has no place for ${name}: it needs ${begin} and ${end}`);
  await writeFile(PAGE, `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`);
}

export const toText = (report: Report): string => toMarkdown(report, []);
