import { expect, test } from '@jest/globals';
import { openSession } from '../../src/scope/in-scope.ts';
import { systemScope } from '../../src/scope/scope.ts';
import { openWorld, type World } from '../support/world.ts';

// What a pooler of transactions does to statements prepared by name: the next transaction has another connection, which knows none of them.
const ME = '{ apps { id name } }';
const POOL = 3;

async function open(environment: Record<string, string> = {}): Promise<World> {
  return openWorld({ work: false, environment: { HABEAS_POOL_SIZE: String(POOL), ...environment } });
}

/** Runs a statement on every connection of the pool. */
async function onAll(world: World, statement: string): Promise<Record<string, unknown>[]> {
  const runners = Array.from({ length: POOL }, () => world.system.source.createQueryRunner());
  try {
    const answers = await Promise.all(runners.map((runner) => runner.query(statement) as Promise<unknown>));
    return answers.flat().filter((row) => row) as Record<string, unknown>[];
  } finally {
    for (const runner of runners) await runner.release();
  }
}

test('no statement is prepared where the setting says so', async () => {
  const world = await open({ HABEAS_PREPARED_STATEMENTS: 'false' });
  try {
    expect((await world.as({ tenant: await world.tenant() })(ME)).codes).toEqual([]);
    expect(await onAll(world, 'select name from pg_prepared_statements')).toEqual([]);
  } finally {
    await world.close();
  }
});

test('a statement refused because one before it failed is no sign of a pooler: reads go on preparing', async () => {
  const world = await open();
  try {
    const tenant = await world.tenant();
    const open = await openSession(world.system, systemScope(tenant, 'test'), 5);
    // Sent together: the second is refused before it was prepared, the third is sent as if it had been.
    const answers = await Promise.allSettled(
      ['select 1 / $1::int', 'select $1::int + 41', 'select $1::int + 41'].map((text) => open.session.db.query(text, [0])),
    );
    expect(answers.map((answer) => (answer as { reason: { code: string } }).reason.code)).toEqual(['22012', '25P02', '26000']);
    await open.rollback();
    expect((await world.as({ tenant })(ME)).codes).toEqual([]);
    expect(await onAll(world, 'select name from pg_prepared_statements')).not.toEqual([]);
  } finally {
    await world.close();
  }
});

// The last: from here on this process knows of a pooler.
test('a connection that forgot what it prepared fails the first reads, and then reads go on without', async () => {
  const world = await open();
  try {
    const ask = world.as({ tenant: await world.tenant() });
    expect((await ask(ME)).codes).toEqual([]);
    expect(await onAll(world, 'select name from pg_prepared_statements')).not.toEqual([]);
    await onAll(world, 'deallocate all');
    expect((await ask(ME)).codes).toEqual(['INTERNAL_SERVER_ERROR']);
    for (let n = 0; n < 2 * POOL; n += 1) expect((await ask(ME)).codes).toEqual([]);
    expect(await onAll(world, 'select name from pg_prepared_statements')).toEqual([]);
  } finally {
    await world.close();
  }
});
