import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { World } from '../support/world.ts';
import { comparable } from '../support/ingest.ts';
import { buildHabeas, type BuiltHabeas, type HabeasProcess } from './processes.ts';
import { barrier, environmentOf, expectSound, LONG, openSite, person, until, type Barrier } from './site.ts';

const ROUNDS = LONG ? 10 : 1;
const SEED = Number(process.env['HABEAS_SEED'] ?? 20260117);

let habeas: BuiltHabeas;
let world: World;
let tenant: string;
let folder: string;
let model: Record<string, string[]>;
beforeAll(async () => {
  [habeas, world] = await Promise.all([buildHabeas(), openSite()]);
  tenant = await world.tenant();
  folder = await mkdtemp(join(tmpdir(), 'habeas-import-'));
  const records = [
    ...['a', 'b'].flatMap((name) => person(name, 3000)),
    ...[1, 2, 3].map((nth) => ({
      type: 'message',
      externalId: `file-${nth}`,
      conversation: 'c-a',
      author: 'a',
      sentAt: `2026-02-0${nth}T00:00:00Z`,
      attachments: [{ externalId: `f-${nth}`, name: `${nth}.bin`, path: `${nth}.bin` }],
    })),
  ];
  // With empty lines large enough to be read on a thread of its own.
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  await writeFile(join(folder, 'all.ndjson'), lines + '\n'.repeat(2 ** 20));
  for (const nth of [1, 2, 3]) await writeFile(join(folder, `${nth}.bin`), Buffer.alloc(300_000, nth));
  const whole = await world.app(tenant);
  expect(await runImport(whole).ended).toBe(0);
  model = await comparable(world, tenant, whole);
  expect(model['messages']).toHaveLength(6003);
}, 120_000);
afterAll(async () => {
  await habeas?.remove();
  await world?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const runImport = (app: string): HabeasProcess =>
  habeas.start(['import', 'ndjson', folder, '--tenant', tenant, '--app', app], environmentOf(world));

/** Whatever was killed: the same import again holds what one that nobody killed holds, each thing once. */
async function expectCompleted(app: string): Promise<void> {
  const again = runImport(app);
  expect([await again.ended, again.log()]).toEqual([0, '']);
  expect(await comparable(world, tenant, app)).toEqual(model);
}

const begun = (app: string, messages: number): Promise<unknown> =>
  until(
    async () =>
      Number(
        (await world.sql('select count(*)::int as n from messages where tenant_id = $1 and app_id = $2', [tenant, app]))[0]!['n'],
      ) >= messages,
    'the import did not come so far',
  );

/** When each is held up, and where. */
const STAGES: Record<string, (wall: Barrier, app: string) => Promise<void>> = {
  'in its first batch': (wall) => wall.hold('lock table messages in share mode'),
  'in a later batch': async (wall, app) => {
    await begun(app, 1);
    await wall.hold('lock table messages in share mode');
  },
  'with a file in the store and no row for it': (wall) => wall.hold('lock table attachments in share mode'),
  'before it says that it is complete': async (wall, app) => {
    await begun(app, 1);
    await wall.hold('lock table audit_entries in share row exclusive mode');
  },
};
const ALWAYS = 'with a file in the store and no row for it';
for (const [name, hold] of Object.entries(STAGES))
  (LONG || name === ALWAYS ? test : test.skip)(
    `an import that is killed ${name} is completed by the same import again`,
    async () => {
      let killed = 0;
      for (let tries = 0; killed < ROUNDS && tries < 5 * ROUNDS; tries += 1) {
        const app = await world.app(tenant);
        const wall = await barrier(world);
        const early = hold.length === 1;
        try {
          if (early) await hold(wall, app);
          const running = runImport(app);
          if (!early) await hold(wall, app);
          // One that was done before the wall stood is none that was killed.
          if (!(await wall.reached(running))) {
            expect(await running.ended).toBe(0);
            continue;
          }
          await running.end('SIGKILL');
          killed += 1;
        } finally {
          await wall.release();
        }
        await expectCompleted(app);
      }
      expect(killed).toBe(ROUNDS);
      await expectSound(world, tenant);
    },
    600_000,
  );

(LONG ? test : test.skip)(
  `an import that is killed at any time is completed by the same import again (seed ${SEED})`,
  async () => {
    let state = SEED;
    for (let round = 0; round < 20; round += 1) {
      const app = await world.app(tenant);
      const running = runImport(app);
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      await pause(500 + (state % 2000));
      await running.end('SIGKILL');
      await expectCompleted(app);
    }
    await expectSound(world, tenant);
  },
  600_000,
);
