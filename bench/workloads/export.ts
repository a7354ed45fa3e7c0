import { join } from 'node:path';
import { idsOf, type Loaded } from '../bed.ts';
import { runChild } from '../child.ts';
import { alternate, round, show, spread, type Result } from '../measure.ts';
import { ROWS, type Options } from '../options.ts';
import { psqlIntoZip } from '../peers/psql-zip.ts';
import type { Run } from './workload.ts';

const time = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.USZ')`;

/** The columns of messages.csv in our package. */
const select = (tenant: string, person: string): string =>
  `select id, conversation_id, author_id, ${time('sent_at')} sent_at, ${time('edited_at')} edited_at, kind, channel, direction, reply_to_id, external_id, campaign_id, body, metadata from plain.messages where tenant_id = '${tenant}' and subject_id = '${person}' order by id`;

/** The rows that an export of one person's is measured with, who has so many. */
export const shapeOf = (rows: number) => ({ rows: Math.round(rows / 10), whale: rows });

export async function exportHere(
  { tenant, environment }: Loaded,
  person: string,
  rows: number,
  options: Options,
): Promise<Result> {
  const { messages, ...result } = await runChild('ours/export.ts', { tenant, person }, environment, options.profile);
  if (messages !== rows) throw new Error(`${messages} messages instead of ${rows} were exported`);
  return result;
}

export const exportRun: Run = async (bed, options, log) => {
  const rows = options.rows ?? ROWS.export;
  const loaded = await bed.loaded(shapeOf(rows));
  const { tenant, adminUrl } = loaded;
  const [ours] = await idsOf(loaded, 'public', loaded.rows.whales);
  const [theirs] = await idsOf(loaded, 'plain', loaded.rows.whales);
  const path = join(bed.home, 'peer.zip');
  const series = await alternate(
    options.runs,
    [
      { name: 'Habeas', run: () => exportHere(loaded, ours!, rows, options) },
      { name: 'psql \\copy into 7z', run: () => psqlIntoZip({ url: adminUrl, select: select(tenant, theirs!), path }) },
    ],
    log,
  );
  const [first, second] = [...series.values()].map((results) => spread(results, 'seconds').median);
  return {
    title: 'Export: a person’s messages as CSV in an AES-256 zip',
    text: [
      `${rows.toLocaleString('en-US')} messages of one person. Habeas is ${round(second! / first!)} times as fast.`,
      'Habeas runs its export job: pages under row-level security, unsealed, escaped against formulas, zipped, encrypted, hashed, sealed once more for the store, the other categories and the manifest beside; the time is that of the job, without the start of its process, the memory that of the whole process. The peer is `psql \\copy` of plain text as superuser, without policies, piped into `7z a -tzip -mem=AES256 -mx=5`; its memory is that of both programs.',
    ],
    head: ['', 'seconds', 'messages/s', 'file, MB', 'its own CPU, s', 'peak memory, MB'],
    rows: [...series].map(([name, results]) => [
      name,
      show(spread(results, 'seconds')),
      round(rows / spread(results, 'seconds').median),
      show(spread(results, 'fileMegabytes')),
      show(spread(results, 'cpu')),
      show(spread(results, 'megabytes')),
    ]),
  };
};
