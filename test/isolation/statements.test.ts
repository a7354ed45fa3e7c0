import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeSchema } from '../../src/api/schema.ts';
import { finished } from '../rights/support.ts';
import { send } from './ask.ts';
import { chance, seedOfRun } from './chance.ts';
import { isId, operationsOf, type Operation } from './documents.ts';
import { openMadeWorld, type MadeWorld } from './made-world.ts';
import { tenantTables } from './row-model.ts';
import { ownersOf } from './rows.ts';
import { byKind, plain, type Sample } from './samples.ts';
import { fault, logStatements, type Statement } from './statements.ts';

/** Statements on tenant tables that name no tenant by a parameter, and why they may. */
const ALLOWED: readonly { like: RegExp; why: string }[] = [];

const KIND: Readonly<Record<string, string>> = {
  kid: 'api_keys',
  entryId: 'audit_entries',
  tenantId: 'tenants',
  requestId: 'requests',
  artefactId: 'artefacts',
};
/** The kind of row that an argument names: `userId` a user, `id` what the field is called after. */
const kindOf = (operation: Operation, name: string): string =>
  KIND[name] ?? (name === 'id' ? `${operation.name}s` : `${name.replace(/Id$/, '')}s`);

let made: MadeWorld;
let seen: Map<string, Statement>;
let tables: Set<string>;

beforeAll(async () => {
  const seed = seedOfRun('isolation, statements');
  made = await openMadeWorld(seed, 1, (world) => void (seen = logStatements(world)));
  tables = new Set((await tenantTables(made.world)).map(({ table }) => table));
  const luck = chance(seed);
  const kinds = byKind(await ownersOf(made));
  const own = (operation: Operation, name: string, app: string): Sample[] =>
    (kinds.get(kindOf(operation, name)) ?? []).filter(
      (sample) => sample.app === app || (sample.table === 'tenants' && sample.tenant === made.apps[1]!.tenant),
    );
  const operations = operationsOf(await makeSchema());
  const last = ['eraseApp', 'eraseTenant'];
  for (const name of ['everything in app 1', 'TENANT_ADMIN of tenant 0', 'person 0 of app 0', 'person 0 of app 1', 'PROVIDER']) {
    const holder = made.holders.find((one) => one.name === name)!;
    for (const operation of operations.filter((one) => !last.includes(one.name))) {
      const variables: Record<string, unknown> = { ...plain(operation) };
      if (operation.name === 'createApiKey') variables['role'] = 'INTEGRATOR';
      for (const arg of operation.args.filter(isId)) {
        const there = own(operation, arg.name, holder.app ?? made.apps[1]!.id);
        if (there.length && (arg.name !== 'tenantId' || holder.level === 'provider')) variables[arg.name] = luck.pick(there).id;
      }
      await send(made, holder.token, operation.document(Object.keys(variables)), variables);
    }
  }
  const app = made.apps[3]!;
  const admin = made.world.as({ tenant: app.tenant });
  const erasure = await admin(
    'mutation ($id: ID!, $name: String!) { eraseApp(appId: $id, ground: CONTRACT_ENDED, confirm: $name) { id } }',
    { id: app.id, name: app.name },
  );
  await finished(admin, erasure.data.eraseApp.id as string);
  const [request] = await made.world.sql(
    `select id, artefact_id from (select r.id, a.id as artefact_id from requests r join artefacts a on a.request_id = r.id where a.deleted_at is null limit 1) x`,
  );
  expect(request).toBeDefined();
}, 180_000);
afterAll(() => made.world.close());

test('every statement on a tenant table names the tenant by a parameter, for each table in it', () => {
  const faults = [...seen.values()].flatMap((statement) => {
    const found = fault(statement, tables);
    return found && !ALLOWED.some(({ like }) => like.test(statement.sql))
      ? [`${found}: ${statement.sql.replaceAll(/\s+/g, ' ').slice(0, 600)}`]
      : [];
  });
  expect(faults).toEqual([]);
  expect(seen.size).toBeGreaterThan(100);
});

test('and the check finds a statement that does not', () => {
  const tenant = '018f0000-0000-7000-8000-000000000000';
  const check = (sql: string, ...parameters: unknown[]): boolean => fault({ sql, parameters }, tables) !== undefined;
  expect(check('select 1 from messages where id = $1', tenant)).toBe(true);
  expect(check('select 1 from messages m join users u on u.id = m.author_id where m.tenant_id = $1', tenant)).toBe(true);
  expect(check('insert into apps (id, name) values ($1, $2)', tenant, 'x')).toBe(true);
  expect(check("select 1 from apps where tenant_id = '018f'")).toBe(true);
  expect(check('select 1 from apps where tenant_id = $1', 'x')).toBe(true);
  expect(
    check(
      'select 1 from messages m join users u on u.tenant_id = m.tenant_id and u.id = m.author_id where m.tenant_id = $1',
      tenant,
    ),
  ).toBe(false);
});
