import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrate } from '../../src/database/migrate.ts';
import { startEmbedded, type EmbeddedDatabase } from '../../src/database/embedded.ts';
import { removeHome } from '../support/leftovers.ts';
import { openWorld, type World } from '../support/world.ts';
import { expectHeld, startLoad, type Load } from './load.ts';
import { buildHabeas, type BuiltHabeas, type HabeasProcess } from './processes.ts';
import { expectSound, expireLeases, LONG, openSite, startOn, until } from './site.ts';

const SEED = Number(process.env['HABEAS_SEED'] ?? 20260118);
let state = SEED;
/** From 0 to 1, the same for the same seed. */
const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;

let habeas: BuiltHabeas;
beforeAll(async () => {
  habeas = await buildHabeas();
}, 120_000);
afterAll(() => habeas?.remove());

/** Waits for as long as a request ends now and then; what waits for nobody is told of, with its job. */
async function allEnded(world: World): Promise<void> {
  const OPEN = `r.status in ('SCHEDULED', 'RUNNING')`;
  const open = async (): Promise<number> =>
    (await world.sql(`select count(*)::int as count from requests r where ${OPEN}`))[0]!['count'] as number;
  for (let count = await open(); count;) {
    const before = count;
    await until(async () => (count = await open()) < before, 'no request ends', 120).catch(async (error: Error) => {
      const jobs = await world.sql(
        `select r.type, r.status, r.stage, r.done, j.name, j.state, j.retry_count, j.start_after, j.heartbeat_on
         from requests r left join jobs.job j on j.data->>'requestId' = r.id::text where ${OPEN} limit 5`,
      );
      throw new Error(`${error.message}: ${count} are open, such as ${JSON.stringify(jobs)}`);
    });
  }
}

const serving = async (world: World, load: Load): Promise<HabeasProcess> => {
  const server = await startOn(world, habeas, 'serve');
  load.url = `${/Habeas serves (\S+)\/graphql/.exec(server.output())![1]}/graphql`;
  return server;
};

const KILLS = Number(process.env['HABEAS_KILLS'] ?? (LONG ? 200 : 2));
test(`a server that is killed ${KILLS} times under load, and a worker beside it, lose nothing and do nothing twice (seed ${SEED})`, async () => {
  const world = await openSite();
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const load = await startLoad(world, tenant, app, random);
  try {
    let server = await serving(world, load);
    let worker = await startOn(world, habeas, 'worker');
    for (let kills = 0; kills < KILLS; kills += 1) {
      await pause(random() * 1500);
      if (random() < 0.6) {
        await server.end('SIGKILL');
        load.url = undefined;
        server = await serving(world, load);
      } else {
        await worker.end('SIGKILL');
        worker = await startOn(world, habeas, 'worker');
      }
      if (kills % 10 === 9) await expireLeases(world);
    }
    await pause(500);
    await load.stop();
    await expireLeases(world);
    await allEnded(world);
    await expectHeld(world, tenant, app, load.acknowledged);
    await server.end('SIGTERM');
    await worker.end('SIGTERM');
    await expectSound(world, tenant);
    const { messages, requests, erased, failed } = load.acknowledged;
    console.log(
      `${KILLS} kills: ${messages.size} messages, ${requests.size} requests, ${erased.size} erasures, ${failed} calls without an answer`,
    );
    expect(messages.size).toBeGreaterThan(0);
    expect(requests.size).toBeGreaterThan(0);
  } finally {
    await load.stop();
    await world.close();
  }
}, 3_600_000);

/** A database of its own, since all its connections are cut and it is restarted. */
async function ownDatabase(): Promise<{
  world: World;
  restart: (signal: NodeJS.Signals, away: () => Promise<void>) => Promise<void>;
  end: () => Promise<void>;
}> {
  const home = await mkdtemp(join(tmpdir(), `habeas-test-${process.pid}-`));
  const flags = ['-c', 'fsync=off'];
  let cluster: EmbeddedDatabase = await startEmbedded(home, { flags });
  await migrate(cluster.ownerUrl);
  const { adminUrl, ownerUrl, runtimeUrl } = cluster;
  const database = {
    name: 'habeas',
    adminUrl,
    ownerUrl,
    runtimeUrl,
    drop: async () => undefined,
  };
  const world = await openWorld({
    work: false,
    database,
    environment: { HABEAS_LIMIT_OPEN_REQUESTS: '1000', HABEAS_LOG_LEVEL: 'silent' },
  });
  return {
    world,
    restart: async (signal, away) => {
      const pid = Number((await readFile(join(home, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
      process.kill(pid, signal);
      await away();
      await cluster.stop().catch(() => undefined);
      cluster = await startEmbedded(home, { flags });
      expect(cluster.adminUrl).toBe(adminUrl);
    },
    end: async () => {
      await cluster.stop().catch(() => undefined);
      await removeHome(home);
    },
  };
}

test(`a server whose database is restarted and whose connections are cut under load recovers by itself, and says meanwhile that it is not ready (seed ${SEED})`, async () => {
  const own = await ownDatabase();
  const { world } = own;
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const load = await startLoad(world, tenant, app, random);
  try {
    const server = await serving(world, load);
    const url = load.url!.replace('/graphql', '');
    const status = async (path: string): Promise<number> => (await fetch(`${url}${path}`)).status;
    const ready = (yes: boolean): Promise<unknown> =>
      until(async () => (await status('/readyz')) === (yes ? 200 : 503), `/readyz did not say ${yes}`);
    await ready(true);
    for (let round = 0; round < (LONG ? 10 : 1); round += 1) {
      await pause(500 + random() * 500);
      // A fast shutdown, as pg_ctl restart does it, and one without any care, as by a crash.
      await own.restart(round % 2 ? 'SIGQUIT' : 'SIGINT', async () => {
        await ready(false);
        expect(await status('/livez')).toBe(200);
      });
      await ready(true);
      await pause(500 + random() * 500);
      const admin = new pg.Client({ connectionString: world.database.adminUrl });
      await admin.connect();
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'habeas' and application_name like 'habeas%' and pid <> pg_backend_pid()`,
      );
      await admin.end();
      await ready(true);
    }
    const before = load.acknowledged.messages.size;
    await until(async () => load.acknowledged.messages.size > before, 'nothing is fed in any more');
    await load.stop();
    await expireLeases(world);
    await allEnded(world);
    await expectHeld(world, tenant, app, load.acknowledged);
    expect([server.child.exitCode, server.child.signalCode]).toEqual([null, null]);
    await server.end('SIGTERM');
    await expectSound(world, tenant);
  } finally {
    await load.stop();
    await habeas.remove().catch(() => undefined);
    await world.close().catch(() => undefined);
    await own.end();
  }
}, 900_000);
