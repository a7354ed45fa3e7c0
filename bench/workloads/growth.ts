import { withClient, type Loaded } from '../bed.ts';
import { serveHabeas } from '../child.ts';
import { load, type Target } from '../load.ts';
import { alternate, round, show, spread } from '../measure.ts';
import { GROWTH_FROM, ROWS } from '../options.ts';
import { ourTarget, POOL } from './read.ts';
import type { Run } from './workload.ts';

export const growth: Run = async (bed, options, log) => {
  const many = options.rows ?? ROWS.growth;
  const sizes = [Math.min(GROWTH_FROM, Math.round(many / 3)), many];
  const servers: { name: string; target: Target; close: () => Promise<void> }[] = [];
  const settings = (...texts: string[]) =>
    withClient(bed.adminUrl, async (client) => {
      for (const text of [...texts, 'select pg_reload_conf()']) await client.query(text);
    });
  try {
    // Loading is not measured, and is slower with more checkpoints.
    await settings("alter system set max_wal_size = '10GB'");
    for (const rows of sizes) await bed.loaded({ rows }, 'ours');
    await settings('alter system reset max_wal_size', 'checkpoint');
    for (const rows of sizes) {
      const loaded: Loaded = await bed.loaded({ rows }, 'ours');
      const server = await serveHabeas({ ...loaded.environment, HABEAS_POOL_SIZE: String(POOL) });
      servers.push({ name: rows.toLocaleString('en-US'), target: await ourTarget(loaded, server), close: server.close });
    }
    // As many people at either size: of more people more keys are unwrapped, however many messages there are.
    const people = Math.min(...servers.map(({ target }) => target.bodies.length));
    for (const { target } of servers) target.bodies.length = people;
    for (const { target } of servers) await load(target, { ...options, seconds: 3 });
    const contenders = servers.map(({ name, target }) => ({ name, run: () => load(target, options) }));
    const series = await alternate(options.runs, contenders, log);
    const [first, second] = [...series.values()].map((results) => spread(results, 'perSecond').median);
    return {
      title: 'Growth: the same read among few and many messages',
      text: [
        `The read of above, ${options.connections} connections for ${options.seconds} s a run, of ${people} people in turn at either size. A request among ${sizes[1]!.toLocaleString('en-US')} messages takes ${round(first! / second!)} of the time that one among ${sizes[0]!.toLocaleString('en-US')} does.`,
      ],
      head: ['messages', 'requests/s', 'p50, ms', 'p99, ms'],
      rows: [...series].map(([name, results]) => [
        name,
        show(spread(results, 'perSecond')),
        show(spread(results, 'p50')),
        show(spread(results, 'p99')),
      ]),
    };
  } finally {
    for (const { close } of servers) await close();
  }
};
