import { stat } from 'node:fs/promises';
import { runChild } from '../child.ts';
import { alternate, round, show, spread } from '../measure.ts';
import { ROWS } from '../options.ts';
import type { Run } from './workload.ts';

export const importRun: Run = async (bed, options, log) => {
  const shape = { rows: options.rows ?? ROWS.import };
  const { path, messages, people, conversations } = await bed.rowsOf(shape);
  const fresh = async (script: string, profile?: string) => {
    const database = await bed.empty();
    const { tenant, app, ownerUrl: url, environment } = database;
    const result = await runChild(script, { path, tenant, app, url }, environment, profile);
    await bed.drop(database);
    if (result['messages'] !== undefined && result['messages'] !== messages)
      throw new Error(`${result['messages']} messages instead of ${messages} were imported`);
    return {
      seconds: result['seconds']!,
      perSecond: messages / result['seconds']!,
      cpu: result['cpu']!,
      megabytes: result['megabytes']!,
    };
  };
  const series = await alternate(
    options.runs,
    [
      { name: 'Habeas', run: () => fresh('ours/import.ts', options.profile) },
      { name: 'plain `insert ... unnest`', run: () => fresh('peers/plain-import.ts') },
    ],
    log,
  );
  const [first, second] = [...series.values()].map((results) => spread(results, 'perSecond').median);
  return {
    title: 'Import: messages from native NDJSON',
    text: [
      `${messages.toLocaleString('en-US')} messages of ${people.toLocaleString('en-US')} people in ${conversations.toLocaleString('en-US')} conversations (${Math.round((await stat(path)).size / 1e6)} MB), into an empty database. Habeas takes in ${round(first! / second!)} of the peer’s rows a second.`,
      'Habeas checks every line, seals every text and name, and finds what is there already. The peer parses and trusts, remembers ids in memory, and writes plain text by prepared `insert ... select from unnest` of 5,000 rows a transaction into tables with the same keys and indexes, as their owner, so without policies.',
    ],
    head: ['', 'messages/s', 'seconds', 'its own CPU, s', 'peak memory, MB'],
    rows: [...series].map(([name, results]) => [
      name,
      show(spread(results, 'perSecond')),
      show(spread(results, 'seconds')),
      show(spread(results, 'cpu')),
      show(spread(results, 'megabytes')),
    ]),
  };
};
