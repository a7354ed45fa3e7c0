import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { idsOf, type Bed, type Loaded } from '../bed.ts';
import { runChild, serveHabeas } from '../child.ts';
import { ask, load } from '../load.ts';
import { alternate, round, show, spread, timed, type Result } from '../measure.ts';
import { ROWS, type Options } from '../options.ts';
import { ourTarget, POOL } from './read.ts';
import type { Run } from './workload.ts';

const MINNOWS = 5;
/** Seconds of load beside an erasure. */
const MOST = 600;
const ERASE = 'mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id unreadableAt } }';

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Erases people through the API of a server that works and serves in one process, as `npm start` does. */
async function eraseHere(bed: Bed, original: Loaded, options: Options): Promise<Result> {
  const loaded = await bed.copy(original);
  const server = await serveHabeas({ ...loaded.environment, HABEAS_POOL_SIZE: String(POOL) }, options.profile);
  const database = new pg.Client({ connectionString: loaded.adminUrl });
  await database.connect();
  const endpoint = { url: `${server.url}/graphql`, headers: { authorization: `Bearer ${loaded.token}` } };
  /** Seconds until the person cannot be read, which is when the mutation answers. */
  const erase = async (person: string): Promise<number> =>
    timed(async () => {
      const { eraseUser } = await ask<{ eraseUser: { unreadableAt: string | null } }>(
        endpoint,
        JSON.stringify({ query: ERASE, variables: { id: person } }),
      );
      if (!eraseUser.unreadableAt) throw new Error('The person can still be read.');
    });
  const until = async (text: string, person: string): Promise<void> => {
    while (!(await database.query<{ done: boolean }>(text, [loaded.tenant, person])).rows[0]?.done) await sleep(20);
  };
  const gone = (person: string): Promise<void> =>
    until(
      "select stage is not null and stage <> 'messages' and done >= total - 20 as done from requests where tenant_id = $1 and target_id = $2",
      person,
    );
  const completed = (person: string): Promise<void> =>
    until('select completed_at is not null as done from requests where tenant_id = $1 and target_id = $2', person);
  try {
    const target = await ourTarget(loaded, server);
    const whales = await idsOf(loaded, 'public', loaded.rows.whales);
    const minnows = await idsOf(loaded, 'public', loaded.rows.minnows);
    await load(target, { ...options, seconds: 2 });
    const idle = await load(target, options);
    const small: number[] = [];
    for (const minnow of minnows) {
      small.push(await erase(minnow));
      await completed(minnow);
    }
    const began = performance.now();
    const large = await erase(whales[0]!);
    await gone(whales[0]!);
    const rows = (performance.now() - began) / 1000;
    await completed(whales[0]!);
    const all = (performance.now() - began) / 1000;
    const erasing = timed(async () => {
      await erase(whales[1]!);
      await completed(whales[1]!);
    });
    const busy = await load(target, { ...options, seconds: MOST, until: erasing });
    const beside = await erasing;
    if (beside > MOST) throw new Error(`The erasure took longer than the ${MOST} s of load beside it`);
    return {
      small: median(small) * 1000,
      large: large * 1000,
      seconds: rows,
      completed: all,
      beside,
      idle: idle['p99']!,
      busy: busy['p99']!,
      megabytes: server.usage().megabytes,
    };
  } finally {
    await server.close();
    await database.end();
    await bed.drop(loaded);
  }
}

async function deleteThere(bed: Bed, original: Loaded, count: number): Promise<Result> {
  const loaded = await bed.copy(original);
  try {
    const [person] = await idsOf(loaded, 'plain', loaded.rows.whales);
    const { seconds, rows } = await runChild('peers/plain-delete.ts', { url: loaded.ownerUrl, tenant: loaded.tenant, person });
    if (rows !== count) throw new Error(`${rows} rows instead of ${count} were deleted`);
    return { seconds: seconds! };
  } finally {
    await bed.drop(loaded);
  }
}

export const erase: Run = async (bed, options, log) => {
  const whale = options.rows ?? ROWS.erase;
  const loaded = await bed.loaded({ rows: Math.max(20_000, Math.round(whale / 5)), whale, whales: 2, minnows: MINNOWS });
  const series = await alternate(
    options.runs,
    [
      { name: 'Habeas', run: () => eraseHere(bed, loaded, options) },
      { name: 'plain batched `delete`', run: () => deleteThere(bed, loaded, whale) },
    ],
    log,
  );
  const [ours, theirs] = [...series.values()];
  const of = (key: string): string => show(spread(ours!, key));
  const speed = (results: readonly Result[]): number => whale / spread(results, 'seconds').median;
  return {
    title: 'Erase: a person with many messages',
    text: [
      `A person with ${whale.toLocaleString('en-US')} messages among ${loaded.rows.messages.toLocaleString('en-US')}. The rows go at ${round(speed(ours!) / speed(theirs!))} of the speed of the peer, both by 5,000 a transaction.`,
      'Habeas is asked through its API and works in the same process that serves: it destroys the keys in the asking transaction, then deletes, then looks for what is left. The peer deletes plain rows with the same indexes as their owner and nothing else. Each run begins from a copy of the same database.',
      'Reads are those of other people, at the same load as in the table of reads, from a server that erases a second such person meanwhile, when the first is gone.',
    ],
    head: ['', 'median (min to max)'],
    rows: [
      ['unreadable, a person with 10 messages, ms', of('small')],
      [`unreadable, a person with ${whale.toLocaleString('en-US')}, ms`, of('large')],
      ['rows gone, s', of('seconds')],
      ['rows gone, rows/s', round(speed(ours!))],
      ['searched for what is left, and completed, s', of('completed')],
      ['completed, while others read, s', of('beside')],
      ['the peer: rows gone, s', show(spread(theirs!, 'seconds'))],
      ['the peer: rows gone, rows/s', round(speed(theirs!))],
      ['p99 of reads, idle, ms', of('idle')],
      ['p99 of reads, while erasing, ms', of('busy')],
      ['peak memory of the server, MB', of('megabytes')],
    ],
  };
};
