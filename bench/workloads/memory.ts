import { idsOf } from '../bed.ts';
import { alternate, show, spread, type Contender } from '../measure.ts';
import { ROWS } from '../options.ts';
import { exportHere, shapeOf } from './export.ts';
import type { Run } from './workload.ts';

/** The export of a fiftieth, of a fifth and of all. */
export const memory: Run = async (bed, options, log) => {
  const largest = options.rows ?? ROWS.memory;
  if (largest < 5000) throw new Error('memory: --rows from 5000');
  const contenders: Contender[] = [];
  for (const rows of [largest / 50, largest / 5, largest].map(Math.round)) {
    const loaded = await bed.loaded(shapeOf(rows), 'ours');
    const [person] = await idsOf(loaded, 'public', loaded.rows.whales);
    contenders.push({ name: rows.toLocaleString('en-US'), run: () => exportHere(loaded, person!, rows, options) });
  }
  const series = await alternate(options.runs, contenders, log);
  return {
    title: 'Memory: exports of few and many messages',
    text: ['The export of above, of one person each who has so many messages; the memory is that of the whole process.'],
    head: ['messages', 'peak memory, MB', 'seconds'],
    rows: [...series].map(([name, results]) => [name, show(spread(results, 'megabytes')), show(spread(results, 'seconds'))]),
  };
};
