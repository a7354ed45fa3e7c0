import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import { runExpiry } from '../../src/data/artefact/expiry.job.ts';
import { storeScope } from '../../src/scope/scope.ts';
import type { System } from '../../src/system.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { brightwater } from './brightwater.ts';
import { REQUEST, requestOf } from './support.ts';

// Nothing works on the queue here: the tests run the jobs themselves, and break them.
let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false, environment: { HABEAS_LOG_LEVEL: 'silent' } });
});
afterAll(() => world.close());

const never = new AbortController().signal;

async function company() {
  const made = await brightwater(world);
  const ask = world.as({ tenant: made.tenant, role: 'PRIVACY_OFFICER' });
  const scope = storeScope({ ...world.cli, tenantId: made.tenant });
  return {
    ...made,
    ask,
    run: (requestId: string, system: System = world.system, signal = never) =>
      HANDLERS.export(system, { requestId, scope }, signal),
  };
}
const show = async (ask: Ask, id: string) =>
  (await ask(`query ($id: ID!) { request(id: $id) { ${REQUEST} } }`, { id })).data.request;

async function files(tenant: string, kind = 'artefacts'): Promise<string[]> {
  const found: string[] = [];
  for await (const key of world.system.files.list(`${tenant}/${kind}`)) found.push(key.slice(key.lastIndexOf('/') + 1));
  return found;
}
const artefactKeys = async (tenant: string): Promise<number> =>
  (
    await world.sql(
      `select count(*)::int as n from keys.subject_keys k where tenant_id = $1 and not exists (select 1 from users u where u.id = k.subject_id) and not exists (select 1 from conversations c where c.id = k.subject_id)`,
      [tenant],
    )
  )[0]!['n'] as number;

/** A system whose file store does something after each file it wrote. */
const afterWrite = (act: () => Promise<void>): System => ({
  ...world.system,
  files: {
    ...world.system.files,
    write: async (key, source, options) => {
      const measure = await world.system.files.write(key, source, options);
      await act();
      return measure;
    },
  },
});

test('a worker that is killed between the file and its row leaves nothing once the job is started again', async () => {
  const { tenant, ada, ask, run } = await company();
  const id = await requestOf(ask, 'requestAccess', ada, 'encrypted: true');
  await expect(
    run(
      id,
      afterWrite(async () => {
        throw new Error('killed');
      }),
    ),
  ).rejects.toThrow('killed');
  expect((await show(ask, id)).status).toBe('RUNNING');
  expect(await files(tenant)).toHaveLength(1);

  await run(id);
  const request = await show(ask, id);
  expect(request).toMatchObject({ status: 'COMPLETED', error: null });
  expect(await files(tenant)).toEqual([request.artefact.id]);
  expect(await artefactKeys(tenant)).toBe(1);

  await run(id);
  expect(await files(tenant)).toEqual([request.artefact.id]);
  expect(await world.sql('select 1 from artefacts where tenant_id = $1', [tenant])).toHaveLength(1);
});

test('a second worker that takes a job over wins, and the first one leaves nothing behind', async () => {
  const { tenant, ada, ask, run } = await company();
  const id = await requestOf(ask, 'requestAccess', ada);
  let taken = false;
  await run(
    id,
    afterWrite(async () => {
      if (taken) return;
      taken = true;
      await run(id);
    }),
  );
  const request = await show(ask, id);
  expect(request.status).toBe('COMPLETED');
  expect(await files(tenant)).toEqual([request.artefact.id]);
  expect(await artefactKeys(tenant)).toBe(1);
});

test.each([
  ['the words of whom are in it', 'ben', 'COMPLETED', 'Ben'],
  ['whose package it is', 'ada', 'FAILED', undefined],
])('an erasure of somebody %s, while it is written, is not in vain', async (_, victim, status, absent) => {
  const made = await company();
  const { tenant, ask, run, ada } = made;
  const id = await requestOf(ask, 'requestAccess', ada);
  let erased = false;
  await run(
    id,
    afterWrite(async () => {
      if (erased) return;
      erased = true;
      const { codes } = await ask('mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id } }', {
        id: made[victim as 'ben'],
      });
      expect(codes).toEqual([]);
    }),
  );
  const request = await show(ask, id);
  expect(request.status).toBe(status);
  expect(await files(tenant)).toEqual(request.artefact ? [request.artefact.id] : []);
  if (!absent) return;
  const people = await world.sql('select subject_id as id from artefact_subjects where artefact_id = $1', [request.artefact.id]);
  expect(people).not.toContainEqual({ id: made.ben });
  expect(people).toContainEqual({ id: made.ada });
});

test('a job that is called off leaves no file, and goes on when it is started again', async () => {
  const { tenant, ada, ask, run } = await company();
  const id = await requestOf(ask, 'requestAccess', ada);
  await expect(run(id, world.system, AbortSignal.abort(new Error('stopping')))).rejects.toThrow('stopping');
  expect(await files(tenant)).toEqual([]);
  expect((await show(ask, id)).status).toBe('RUNNING');
  await run(id);
  expect((await show(ask, id)).status).toBe('COMPLETED');
});

test('what cannot be read fails the request after several attempts, with an incident and without the file, the key and the password', async () => {
  const { tenant, ada, ask, run } = await company();
  const [attachment] = await files(tenant, 'attachments');
  await world.system.files.remove(`${tenant}/attachments/${attachment}`);
  const id = await requestOf(ask, 'requestAccess', ada, 'encrypted: true');
  for (let tries = 1; tries < 5; tries += 1) await expect(run(id)).rejects.toThrow();
  await run(id);
  const request = await show(ask, id);
  expect(request).toMatchObject({ status: 'FAILED', artefact: null });
  expect(request.error).toMatch(/after 5 attempts.*incident id/);
  expect(await files(tenant)).toEqual([]);
  expect(await artefactKeys(tenant)).toBe(0);
  expect((await world.sql('select options from requests where id = $1', [id]))[0]!['options']).not.toHaveProperty(
    'sealedPassword',
  );
});

test('a file is deleted when it expires, key and all, and a tenth of a day before it is not', async () => {
  const { tenant, ada, ask, run } = await company();
  const id = await requestOf(ask, 'requestAccess', ada);
  await run(id);
  const { artefact } = await show(ask, id);
  const days = (new Date(artefact.expiresAt).getTime() - Date.now()) / 86_400_000;
  expect(days).toBeCloseTo(14, 1);
  world.clock.offset = 13.9 * 86_400_000;
  try {
    await runExpiry(world.system, {}, never);
    expect(await files(tenant)).toEqual([artefact.id]);
    world.clock.offset = 14.1 * 86_400_000;
    // A worker that was killed after it removed the file, and before it said so.
    await world.system.files.remove(`${tenant}/artefacts/${artefact.id}`);
    await runExpiry(world.system, {}, never);
    await runExpiry(world.system, {}, never);
  } finally {
    world.clock.offset = 0;
  }
  expect(await files(tenant)).toEqual([]);
  expect(await artefactKeys(tenant)).toBe(0);
  expect((await show(ask, id)).artefact).toMatchObject({ id: artefact.id, deletedAt: expect.any(String) });
  expect(
    await world.sql(`select act, actor_scope, targets from audit_entries where tenant_id = $1 and act like 'artefact.%'`, [
      tenant,
    ]),
  ).toEqual([{ act: 'artefact.expired', actor_scope: 'system', targets: { artefacts: [artefact.id] } }]);
  expect(await world.sql('select 1 from artefact_subjects where tenant_id = $1', [tenant])).toEqual([]);
});

test('files that no row knows are swept once they are an hour old; those that a row knows, and younger ones, stay', async () => {
  const { tenant, ada, ask, run } = await company();
  const id = await requestOf(ask, 'requestAccess', ada);
  await run(id);
  const { artefact } = await show(ask, id);
  const ghosts = ['artefacts', 'attachments'].flatMap((kind) => [
    `${tenant}/${kind}/01980000-0000-7000-8000-000000000001`,
    `${tenant}/${kind}/01980000-0000-7000-8000-000000000002`,
  ]);
  for (const key of ghosts) await world.system.files.write(key, [Buffer.from('ghost')][Symbol.iterator]() as never);
  const old = new Date(Date.now() - 61 * 60_000);
  for (const key of [
    ghosts[0]!,
    ghosts[2]!,
    `${tenant}/artefacts/${artefact.id}`,
    `${tenant}/attachments/${(await files(tenant, 'attachments')).find((name) => !name.startsWith('01980000'))!}`,
  ])
    await utimes(join(world.config.files, key), old, old);
  await runExpiry(world.system, {}, never);
  expect(new Set(await files(tenant))).toEqual(new Set(['01980000-0000-7000-8000-000000000002', artefact.id]));
  expect(await files(tenant, 'attachments')).toHaveLength(2);
});

test('what cannot be deleted in one tenant keeps nothing of another’s', async () => {
  const [first, second] = [await company(), await company()].toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1));
  for (const { ask, ada, run } of [first!, second!]) await run(await requestOf(ask, 'requestAccess', ada));
  await world.sql(
    `alter table artefacts add constraint stuck check (tenant_id <> '${first!.tenant}' or deleted_at is null) not valid`,
  );
  const left = async (tenant: string): Promise<number> =>
    (await world.sql('select 1 from artefacts where tenant_id = $1 and deleted_at is null', [tenant])).length;
  world.clock.offset = 15 * 86_400_000;
  try {
    await runExpiry(world.system, {}, never);
    expect([await left(first!.tenant), await left(second!.tenant)]).toEqual([1, 0]);
    await world.sql('alter table artefacts drop constraint stuck');
    await runExpiry(world.system, {}, never);
    expect(await left(first!.tenant)).toBe(0);
  } finally {
    await world.sql('alter table artefacts drop constraint if exists stuck');
    world.clock.offset = 0;
  }
});
