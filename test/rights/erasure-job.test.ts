import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { carryOut } from '../../src/rights/erasure/erasure.job.ts';
import { replayErasures } from '../../src/rights/erasure/replay.ts';
import type { Scope } from '../../src/scope/scope.ts';
import { openWorld, type World } from '../support/world.ts';
import { ADA, ADA_WORDS, ERASE_USER, tell, type Story } from './erasure.support.ts';
import { wordsIn } from './erasure.traces.ts';

let world: World;
let story: Story;
let scope: Scope;

beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

beforeEach(async () => {
  const tenant = await world.tenant();
  story = await tell(world, tenant, await world.app(tenant));
  scope = { ...world.cli, tenantId: tenant };
});

const ask = async (): Promise<string> => {
  const answer = await world.as({ tenant: story.tenant, role: 'PRIVACY_OFFICER' })(ERASE_USER, { user: story.ada });
  expect(answer.codes).toEqual([]);
  return answer.data.eraseUser.id as string;
};
const row = async (id: string): Promise<Record<string, unknown>> =>
  (await world.sql('select * from requests where id = $1', [id]))[0]!;
const run = (id: string, signal: AbortSignal = new AbortController().signal): Promise<void> =>
  carryOut(world.system, id, scope, signal, 1);

/** A signal that aborts when it is looked at for the nth time: a worker killed between two batches. */
function afterBatches(n: number): AbortSignal {
  const controller = new AbortController();
  let left = n;
  controller.signal.throwIfAborted = () => {
    left -= 1;
    if (left > 0) return;
    controller.abort();
    throw new Error('killed');
  };
  return controller.signal;
}

test('killed after any number of batches and run again, the end is the same', async () => {
  const id = await ask();
  let kills = 0;
  for (const batches of [1, 2, 1, 3, 1, 1]) {
    await expect(run(id, afterBatches(batches))).rejects.toThrow('killed');
    kills += 1;
    expect(await row(id)).toMatchObject({ status: 'RUNNING' });
  }
  expect(kills).toBe(6);
  const halfWay = await row(id);
  expect(Number(halfWay['done'])).toBeGreaterThan(0);
  expect(Number(halfWay['done'])).toBeLessThan(Number(halfWay['total']));
  await run(id);
  const end = await row(id);
  expect(end).toMatchObject({ status: 'COMPLETED', residual: { total: 0 }, needles: null });
  expect(end['counts']).toMatchObject({ messages: 6, reactions: 2, mentions: 1, attachments: 1, deliveries: 1, profile: 1 });
  // Run once more, as a queue may do: nothing changes.
  await run(id);
  expect(await row(id)).toEqual(end);
});

test('two workers on one erasure take turns, and count everything once', async () => {
  const id = await ask();
  await Promise.all([run(id), run(id)]);
  expect((await row(id))['counts']).toMatchObject({ messages: 6, profile: 1 });
  expect(await row(id)).toMatchObject({ status: 'COMPLETED' });
});

test('what is fed in while the erasure is asked for is either seen by it or kept out', async () => {
  const feed = (n: number): Promise<void> =>
    world.ingest(story.tenant, story.app, [
      {
        type: 'message',
        externalId: `late-${n}`,
        conversation: 'general',
        author: ADA.externalId,
        sentAt: '2026-01-05T00:00:00Z',
        body: 'still here?',
        reactions: [{ user: ADA.externalId, emoji: 'wave' }],
      },
    ]);
  const [id] = await Promise.all([ask(), ...Array.from({ length: 8 }, (_, n) => feed(n))]);
  await run(id);
  expect(await row(id)).toMatchObject({ status: 'COMPLETED', residual: { total: 0 } });
  for (const column of ['messages.subject_id', 'messages.author_id', 'reactions.user_id', 'mentions.user_id']) {
    const [table, name] = column.split('.');
    expect(await world.sql(`select 1 from ${table} where ${name} = $1`, [story.ada])).toEqual([]);
  }
});

test('a file whose removal was cut short is removed by the next run', async () => {
  const id = await ask();
  const name = `${story.tenant}/attachments/${randomUUID()}`;
  await world.system.files.write(name, Readable.from([Buffer.from('x')]));
  await world.sql('insert into doomed_files values ($1, $2)', [story.tenant, name]);
  await run(id);
  expect(await world.system.files.remove(name)).toBe(false);
});

test('a person who comes back with a restored backup is erased again, also where the backup does not know the erasure', async () => {
  await world.sql('create schema backup');
  const tables = ['users', 'conversations', 'participants', 'messages', 'mentions', 'reactions', 'identifiers'];
  for (const table of tables)
    await world.sql(`create table backup.${table} as select * from ${table} where tenant_id = $1`, [story.tenant]);
  const id = await ask();
  await run(id);
  expect(await replayErasures(world.system, scope)).toEqual({ lines: 1, resumed: [], replayed: [] });

  for (const table of tables) await world.sql(`insert into ${table} select * from backup.${table} on conflict do nothing`);
  await world.sql('drop schema backup cascade');
  await world.sql('delete from erasures');
  expect(await world.sql('select 1 from users where id = $1', [story.ada])).toHaveLength(1);

  const replay = await replayErasures(world.system, scope);
  expect(replay).toMatchObject({ lines: 1, resumed: [], replayed: [expect.any(String)] });
  expect(await row(replay.replayed[0]!)).toMatchObject({
    status: 'COMPLETED',
    residual: { total: 0 },
    ground: 'CONSENT_WITHDRAWN',
  });
  expect(await world.sql('select 1 from users where id = $1', [story.ada])).toEqual([]);
  // And the ledger keeps them out again.
  await world.ingest(story.tenant, story.app, [
    { type: 'user', externalId: ADA.externalId, profile: { displayName: 'Ada Quillfeather' } },
  ]);
  expect(await wordsIn(world, ADA_WORDS)).toEqual([]);
});

test('an erasure whose job was lost is carried to its end by a replay', async () => {
  const id = await ask();
  expect(await replayErasures(world.system, scope)).toMatchObject({ resumed: [id], replayed: [] });
  expect(await row(id)).toMatchObject({ status: 'COMPLETED' });
});

test('the scan finds what a bug would leave behind, in rows, jobs, sealed columns and files, and the request does not call itself complete', async () => {
  const id = await ask();
  await world.sql(`update messages set external_id = 'by ' || $2 where tenant_id = $1 and external_id = 'g4'`, [
    story.tenant,
    'ada.quills',
  ]);
  await world.sql(`update conversations set name = $2 where tenant_id = $1 and name is not null and subject_id is null`, [
    story.tenant,
    Buffer.from(`clear ${ADA.email}`),
  ]);
  await world.sql(
    `insert into mentions (tenant_id, app_id, message_id, user_id, conversation_id) select tenant_id, app_id, id, $2, conversation_id from messages where tenant_id = $1 and external_id = 'd2'`,
    [story.tenant, story.gus],
  );
  await world.sql(`update reactions set emoji = $2 where tenant_id = $1 and user_id = $3`, [story.tenant, story.ada, story.ben]);
  await world.system.queue.enqueue(world.system.source.manager, 'expiry', { leak: ADA.phone });
  await world.system.files.write(
    `${story.tenant}/attachments/${randomUUID()}`,
    Readable.from([Buffer.from(`xx${ADA.externalId}yy`)]),
  );
  await world.sql(
    `insert into reactions (tenant_id, app_id, message_id, user_id, emoji, conversation_id) select tenant_id, app_id, id, $2, $3, conversation_id from messages where tenant_id = $1 and external_id = 'd2'`,
    [story.tenant, story.ben, story.ada],
  );
  await run(id);
  const end = await row(id);
  expect(end).toMatchObject({ status: 'PARTIALLY_COMPLETED', needles: null });
  expect((end['residual'] as { findings: unknown }).findings).toEqual([
    { place: 'conversations (sealed)', kind: 'BYTES', count: 1 },
    { place: 'files', kind: 'BYTES', count: 1 },
    { place: 'jobs.job.data', kind: 'PHONE', count: 1 },
    { place: 'jobs.job.data', kind: 'WHATSAPP', count: 1 },
    { place: 'messages.external_id', kind: 'NAME', count: 1 },
    { place: 'reactions.emoji', kind: 'ID', count: 1 },
  ]);
  const shown = await world.as({ tenant: story.tenant, role: 'PRIVACY_OFFICER' })(
    'query ($id: ID!) { erasureCertificate(requestId: $id) { text } }',
    { id },
  );
  expect(JSON.parse(shown.data.erasureCertificate.text)).toMatchObject({ status: 'PARTIALLY_COMPLETED', residual: { total: 6 } });
});
