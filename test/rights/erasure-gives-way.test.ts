import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { carryOut } from '../../src/rights/erasure/erasure.job.ts';
import { barrier, person } from '../faults/site.ts';
import { openWorld, type World } from '../support/world.ts';
import { ERASE_USER } from './erasure.support.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

/** Has the database write down when the transaction of each batch began, and when the batch was done. */
const writeDown = (): Promise<unknown> =>
  world.sql(`create schema notes; create table notes.batches (began timestamptz, done timestamptz);
    create function write_down() returns trigger language plpgsql security definer as $$
      begin insert into notes.batches values (transaction_timestamp(), clock_timestamp()); return null; end $$;
    create trigger written_down after update of done on requests for each row when (old.done <> new.done) execute function write_down()`);

test('while somebody is being answered, an erasure rests after each batch for as long as the batch took, and gets to its end', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, person('ada', 200));
  const { data } = await world.as({ tenant, role: 'PRIVACY_OFFICER' })(ERASE_USER, {
    user: await world.userId(tenant, app, 'ada'),
  });
  const other = await world.tenant();
  const elsewhere = await world.app(other);
  await world.ingest(other, elsewhere, [{ type: 'user', externalId: 'ben' }]);
  await writeDown();
  const wall = await barrier(world);
  await wall.hold('select 1 from apps where id = $1 for no key update', [elsewhere]);
  const kept = world.as({ tenant: other, role: 'PRIVACY_OFFICER' })(ERASE_USER, {
    user: await world.userId(other, elsewhere, 'ben'),
  });
  try {
    await wall.reached();
    expect(world.system.callers.inside).toBe(1);
    const scope = { ...world.cli, tenantId: tenant };
    await carryOut(world.system, data.eraseUser.id, scope, new AbortController().signal, 10);
  } finally {
    await wall.release();
  }
  expect((await kept).codes).toEqual([]);
  expect(world.system.callers.inside).toBe(0);
  expect(await world.sql('select status from requests where id = $1', [data.eraseUser.id])).toEqual([{ status: 'COMPLETED' }]);
  const batches = (await world.sql(
    `select extract(epoch from done - began) * 1000 as took, extract(epoch from lead(began) over (order by done) - done) * 1000 as rested from notes.batches order by done`,
  )) as { took: string; rested: string | null }[];
  expect(batches.length).toBeGreaterThanOrEqual(20);
  // A timer may be a millisecond early.
  for (const { took, rested } of batches.slice(0, -1)) expect(Number(rested)).toBeGreaterThan(Number(took) - 2);
});
