import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { runImport } from '../../src/intake/import.service.ts';
import { recordSchema, type Importer } from '../../src/intake/records.ts';
import { contentsOf } from '../support/ingest.ts';
import { openWorld, type Answer, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

test('a dry run that an erasure has to wait for gives up, and has written nothing', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'ada' }]);
  const id = await world.userId(tenant, app, 'ada');
  const before = await contentsOf(world, tenant);
  const officer = world.as(await world.token({ tenant, role: 'PRIVACY_OFFICER' }));
  let asked: Promise<Answer> | undefined;
  const waiting = async (): Promise<boolean> =>
    (await world.sql(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length >
    0;
  const importer: Importer = async function* () {
    for (let nth = 0; nth < 1000; nth += 1) {
      yield {
        kind: 'record',
        record: recordSchema.parse({ type: 'user', externalId: `u${nth}` }),
        at: { file: 'made-up', line: nth },
      };
      // Once the first batches are in, an officer comes.
      if (nth === 20) asked = officer('mutation ($id: ID!) { eraseUser(userId: $id, ground: OBJECTION) { id } }', { id });
      for (let tries = 0; nth === 20 && tries < 1000 && !(await waiting()); tries += 1) await sleep(5);
    }
  };
  const rehearsal = runImport(world.system, { ...world.cli, tenantId: tenant }, app, importer, 'made-up', {
    dryRun: true,
    batchSize: 5,
  });
  await expect(rehearsal).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('Nothing was written'),
  });
  expect((await asked!).codes).toEqual([]);
  expect((await contentsOf(world, tenant))['users']).toHaveLength(before['users']!.length);
});
