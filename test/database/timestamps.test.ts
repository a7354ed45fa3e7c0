import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type pg from 'pg';
import { types } from '../../src/database/timestamps.ts';
import { freshClient } from '../support/cluster.ts';

let client: pg.Client;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ client, close } = await freshClient({ types: types as never }));
});
afterAll(() => close());

/** What the database holds is read as its own count of milliseconds, without what is finer. */
async function expectRead(times: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ at: Date; ms: string; text: string }>(
    `select at, at::text as text, floor(extract(epoch from date_trunc('milliseconds', at)) * 1000)::bigint as ms from unnest($1::timestamptz[]) as at`,
    [times],
  );
  expect(rows).toHaveLength(times.length);
  for (const { at, ms, text } of rows) expect({ text, ms: at.getTime() }).toEqual({ text, ms: Number(ms) });
}

const EDGES = ['0001-01-01Z', '0099-12-31 23:59:59.999999Z', '0100-01-01Z', '1969-12-31 23:59:59.999Z', '1970-01-01Z'].concat(
  ['2024-02-29 12:00:00.5Z', '2024-02-29 12:00:00.05Z', '2024-12-31 23:59:59.123456Z', '9999-12-31 23:59:59.999999Z'],
  ['10000-01-01Z', '2026-03-29 01:30:00+02'],
);

test.each(['UTC', 'Europe/Zurich', 'Asia/Kolkata', 'America/New_York'])(
  'times are read as they are held, in a session of %s',
  async (zone) => {
    await client.query(`set time zone '${zone}'`);
    await expectRead(EDGES);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.date({ min: new Date('0100-01-02'), max: new Date('9999-12-30'), noInvalidDate: true }), { minLength: 50 }),
        (dates) => expectRead(dates.map((date) => date.toISOString())),
      ),
      { numRuns: 20 },
    );
  },
);

test('what is no time of the calendar is read as pg reads it', async () => {
  const { rows } = await client.query(
    `select 'infinity'::timestamptz as late, '-infinity'::timestamptz as early, '0044-03-15 00:00Z BC'::timestamptz as ides, null::timestamptz as never`,
  );
  expect(rows).toEqual([{ late: Infinity, early: -Infinity, ides: new Date(Date.UTC(-43, 2, 15)), never: null }]);
});
