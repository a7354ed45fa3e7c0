import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { recordAct } from '../../src/audit/act.ts';
import { LeaseLost, underLease } from '../../src/jobs/lease.ts';
import { inScope, openSession } from '../../src/scope/in-scope.ts';
import type { World } from '../support/world.ts';
import { buildHabeas, type BuiltHabeas } from './processes.ts';
import { barrier, expectSound, expireLeases, LONG, openSite, person, startOn, until } from './site.ts';

let habeas: BuiltHabeas;
let world: World;
let tenant: string;
let app: string;
beforeAll(async () => {
  [habeas, world] = await Promise.all([buildHabeas(), openSite()]);
  tenant = await world.tenant();
  app = await world.app(tenant);
}, 120_000);
afterAll(async () => {
  await habeas?.remove();
  await world?.close();
});

async function somebody(name: string, where = app): Promise<string> {
  await world.ingest(tenant, where, person(name, 300));
  return world.userId(tenant, where, name);
}

test('an attempt that has lost its job commits nothing, and one that holds it does', async () => {
  const { queue } = world.system;
  const scope = { ...world.cli, tenantId: tenant };
  await inScope(world.system, scope, ({ db }) => queue.enqueue(db, 'expiry', {}));
  const [job] = await queue.boss.fetch('expiry', { includeMetadata: true });
  const claim = { name: 'expiry', id: job!.id, retryCount: job!.retryCount } as const;
  const act = (): Promise<void> =>
    inScope(underLease(world.system, claim), scope, (session) => recordAct(session, 'test.leased', {}));
  const done = (): Promise<unknown> => world.sql(`select count(*)::int as n from audit_entries where act = 'test.leased'`);
  await act();
  expect(await done()).toEqual([{ n: 1 }]);
  await world.sql(`update jobs.job set retry_count = retry_count + 1 where id = $1`, [claim.id]);
  await expect(act()).rejects.toThrow(LeaseLost);
  await queue.boss.cancel('expiry', claim.id);
  await expect(act()).rejects.toThrow(LeaseLost);
  expect(await done()).toEqual([{ n: 1 }]);
});

test('a process that falls silent in a transaction loses it, and its locks, after as long as a statement may take', async () => {
  const open = await openSession(world.system, { ...world.cli, tenantId: tenant }, 1);
  const lock = 'select 1 as one from apps where tenant_id = $1 and id = $2 for update';
  await open.session.db.query(lock, [tenant, app]);
  expect(await world.sql(lock, [tenant, app])).toEqual([{ one: 1 }]);
  await expect(open.session.db.query('select 1')).rejects.toThrow();
  await open.rollback().catch(() => undefined);
});

/** An export stopped before it records its file, an erasure while it deletes; both hold transactions open. */
async function begun(name: string): Promise<{ requests: string[]; release: () => Promise<void> }> {
  // The erasure holds its app, so the export is of another.
  const [one, two] = [await somebody(`${name}-export`), await somebody(`${name}-erasure`, await world.app(tenant))];
  const officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  const [deleting, recording] = [await barrier(world), await barrier(world)];
  await deleting.hold('lock table messages in share mode');
  const erasing = await officer('mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id } }', { id: two });
  await deleting.reached();
  await recording.hold('select 1 from apps where id = $1 for update', [app]);
  const exporting = await officer('mutation ($id: ID!) { requestAccess(userId: $id, format: JSON) { request { id } } }', {
    id: one,
  });
  await recording.reached();
  return {
    requests: [erasing.data.eraseUser.id, exporting.data.requestAccess.request.id],
    release: async () => {
      await deleting.release();
      await recording.release();
    },
  };
}

const taken = (requests: string[]): Promise<unknown> =>
  until(
    async () =>
      (
        await world.sql(`select 1 from jobs.job where data ->> 'requestId' = any ($1) and state = 'active' and retry_count > 0`, [
          requests,
        ])
      ).length === requests.length,
    'nobody took the jobs over',
  );
const ended = (requests: string[]): Promise<unknown> =>
  until(
    async () =>
      (await world.sql(`select 1 from requests where id = any ($1) and status = 'COMPLETED'`, [requests])).length ===
      requests.length,
    'the requests did not end',
  );

test('a stopped worker loses its jobs to another one within 30 s, and commits nothing when it wakes', async () => {
  const stopped = await startOn(world, habeas, 'worker');
  const { requests, release } = await begun('stopped');
  stopped.child.kill('SIGSTOP');
  const since = performance.now();
  const other = await startOn(world, habeas, 'worker');
  // How long it takes by itself is measured in the long run.
  if (!LONG) await expireLeases(world);
  await taken(requests);
  const seconds = (performance.now() - since) / 1000;
  await release();
  await ended(requests);
  const state = (): Promise<unknown> =>
    world.sql(
      `select r.xmin::text, r.*, (select json_agg(a.xmin::text || a.id) from artefacts a) as files, (select json_agg(e.id order by e.id) from audit_entries e where e.targets ->> 'request' = r.id::text) as entries
       from requests r order by r.id`,
    );
  const before = await state();
  stopped.child.kill('SIGCONT');
  await until(async () => stopped.log().includes('a job failed'), 'the worker that woke did not notice');
  await pause(1000);
  expect(await state()).toEqual(before);
  if (LONG) expect(seconds).toBeLessThan(30);
  expect([stopped.child.exitCode, stopped.child.signalCode]).toEqual([null, null]);
  await stopped.end('SIGKILL');
  await expectSound(world, tenant);
  await other.end('SIGTERM');
}, 180_000);

(LONG ? test : test.skip)(
  'a killed worker loses its jobs to another one within 30 s, ten times',
  async () => {
    let worker = await startOn(world, habeas, 'worker');
    const measured: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const { requests, release } = await begun(`killed-${round}`);
      await worker.end('SIGKILL');
      const since = performance.now();
      worker = await startOn(world, habeas, 'worker');
      await taken(requests);
      measured.push(Math.round((performance.now() - since) / 100) / 10);
      await release();
      await ended(requests);
    }
    console.log(`seconds until a dead worker's job ran again: ${measured.join(', ')}`);
    expect(Math.max(...measured)).toBeLessThan(30);
    await expectSound(world, tenant);
  },
  900_000,
);
