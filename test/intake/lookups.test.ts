import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inScope } from '../../src/scope/in-scope.ts';
import { listen } from '../support/statements.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

interface Node {
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Node[];
}

/** The most rows that any step of a plan met. */
const most = (node: Node): number =>
  Math.max(node['Actual Loops'] * (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)), ...(node.Plans ?? []).map(most));

test('a batch looks up those it names, and reads nobody else of however many there are', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const everybody = Array.from({ length: 3000 }, (_, nth) => `u${nth}`);
  await world.ingest(
    tenant,
    app,
    everybody.flatMap((externalId) => [
      { type: 'user' as const, externalId },
      { type: 'conversation' as const, externalId, kind: 'PERSONAL' as const, participants: [{ user: externalId }] },
    ]),
  );
  await world.sql('vacuum (analyze) users, conversations');
  const statements = listen(world);
  const asked = 1000;
  const written = (name: string) => ({
    type: 'message' as const,
    externalId: name,
    conversation: name,
    author: name,
    body: 'x',
    sentAt: '2026-01-01T00:00:00Z',
  });
  await world.ingest(tenant, app, everybody.slice(0, asked).map(written));
  for (const table of ['users', 'conversations']) {
    const [lookup, more] = [...new Set(statements)].filter(
      (sql) => /^\s*select/.test(sql) && /external_index/.test(sql) && sql.includes(table),
    );
    expect([table, more]).toEqual([table, undefined]);
    const rows = await world.sql(`select external_index from ${table} where tenant_id = $1 limit $2`, [tenant, asked]);
    const [explained] = (await inScope(world.system, { ...world.cli, tenantId: tenant }, ({ db }) =>
      db.query(`explain (analyze, format json) ${lookup!}`, [tenant, app, rows.map((row) => row['external_index'])]),
    )) as { 'QUERY PLAN': { Plan: Node }[] }[];
    expect(most(explained!['QUERY PLAN'][0]!.Plan)).toBeLessThanOrEqual(asked);
  }
});
