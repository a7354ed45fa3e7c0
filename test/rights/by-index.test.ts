import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { exportLog } from '../../src/audit/export.ts';
import { textOf } from '../../src/database/arrays.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { openWorld, type World } from '../support/world.ts';
import { finished } from './support.ts';

/** Pages by key: rows beyond the last one read, in order, so many. */
const PAGE = /[<>] \(?\$\d[\s\S]*order by[\s\S]*limit \d{2}/;

let world: World;
let tenant: string;
let app: string;
/** Pages that a planner may read by gathering and sorting everything beyond, and all that were seen. */
let free: string[] = [];
let seen: string[] = [];
beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
  app = await world.app(tenant);
  const user = (externalId: string) => ({ type: 'user' as const, externalId, profile: { displayName: externalId } });
  await world.ingest(tenant, app, [
    user('u'),
    user('v'),
    { type: 'conversation', externalId: 'c', kind: 'PRIVATE_GROUP', participants: [{ user: 'u' }, { user: 'v' }] },
    { type: 'message', externalId: 'm', conversation: 'c', author: 'u', sentAt: '2026-01-01T00:00:00Z', body: 'x' },
    { type: 'message', externalId: 'n', conversation: 'c', author: 'v', sentAt: '2026-01-02T00:00:00Z', body: 'y' },
  ]);
  const { source } = world.system;
  const make = source.createQueryRunner.bind(source);
  source.createQueryRunner = (mode) => {
    const runner = make(mode);
    const query = runner.query.bind(runner);
    let byIndex = false;
    runner.query = ((sql: string, ...rest: never[]) => {
      const text = textOf(sql);
      byIndex ||= text.includes("'enable_bitmapscan', 'off'");
      if (PAGE.test(text)) (byIndex ? seen : free).push(text.replaceAll(/\s+/g, ' '));
      return query(sql, ...rest);
    }) as typeof runner.query;
    return runner;
  };
});
afterAll(() => world.close());

const pagesOf = (table: string): number => seen.filter((text) => text.includes(`from ${table} `)).length;

test('jobs read page after page by an index, however few rows the planner takes them for', async () => {
  const ask = world.as({ tenant, app, role: 'INTEGRATOR' });
  const id = await world.userId(tenant, app, 'u');
  const packed = await ask(
    'mutation ($id: ID!) { requestAccess(userId: $id, format: JSON, others: CONTEXT) { request { id } } }',
    { id },
  );
  await finished(ask, packed.data.requestAccess.request.id);
  const exported = await ask('mutation ($app: ID!) { exportApp(appId: $app) { id } }', { app });
  await finished(ask, exported.data.exportApp.id);
  const officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  const erased = await officer(
    'mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN, deepScan: true) { id } }',
    { id },
  );
  expect(erased.codes).toEqual([]);
  await finished(officer, erased.data.eraseUser.id);
  await inScope(world.system, { ...world.cli, tenantId: tenant }, ({ db }) => exportLog(db, tenant, async () => undefined));
  expect(free).toEqual([]);
  for (const table of ['messages', 'messages m', 'users', 'conversations', 'attachments', 'audit_leaves l', 'audit_entries e'])
    expect(`${table}: ${Math.min(pagesOf(table), 1)}`).toBe(`${table}: 1`);
});
