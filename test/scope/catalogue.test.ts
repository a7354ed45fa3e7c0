import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { freshClient } from '../support/cluster.ts';

/** Tables that belong to no tenant: what was migrated, and the provider's directory, which holds no personal data. */
const OF_NO_TENANT = ['migrations', 'tenant_directory'];

let client: pg.Client;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ client, close } = await freshClient());
});
afterAll(() => close());

const rows = async (text: string): Promise<Record<string, unknown>[]> =>
  (await client.query(text)).rows as Record<string, unknown>[];
const TABLES = `pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'keys')`;
const OF_TENANTS = `c.relkind in ('r', 'p') and c.relname not in (${OF_NO_TENANT.map((name) => `'${name}'`).join(', ')})`;

test('there are tables, so that the tests below look at something', async () => {
  const [count] = await rows(`select count(*)::int as tables from ${TABLES} where ${OF_TENANTS}`);
  expect(count!['tables']).toBeGreaterThan(25);
});

test('every tenant table has row-level security, forced upon its owner too', async () => {
  expect(
    await rows(`select c.relname from ${TABLES} where ${OF_TENANTS} and not (c.relrowsecurity and c.relforcerowsecurity)`),
  ).toEqual([]);
});

test('every tenant table has a policy, and every policy asks for the tenant, on reading and on writing', async () => {
  expect(
    await rows(
      `select c.relname from ${TABLES} where ${OF_TENANTS} and not exists (select from pg_policy p where p.polrelid = c.oid)`,
    ),
  ).toEqual([]);
  const open = await rows(
    `select c.relname, p.polname from pg_policy p join ${TABLES} on p.polrelid = c.oid
     where (p.polcmd <> 'a' and pg_get_expr(p.polqual, p.polrelid) not like '%tenant_id = (current_setting(''habeas.tenant_id''::text))::uuid%')
        or (p.polcmd in ('*', 'a', 'w') and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') not like '%tenant_id = (current_setting(''habeas.tenant_id''::text))::uuid%')`,
  );
  expect(open).toEqual([]);
});

test('no policy holds a sub-select, and no setting is asked for quietly', async () => {
  const found = await rows(
    `select c.relname, p.polname from pg_policy p join ${TABLES} on p.polrelid = c.oid,
       lateral (select coalesce(pg_get_expr(p.polqual, p.polrelid), '') || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as text) x
     where x.text ilike '%select%' or x.text ~ 'current_setting\\([^)]*true'`,
  );
  expect(found).toEqual([]);
});

test('tenant_id is a uuid, never null, and first in the primary key and in every unique index', async () => {
  expect(
    await rows(
      `select c.relname from ${TABLES} where ${OF_TENANTS} and not exists (
         select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.atttypid = 'uuid'::regtype and a.attnotnull)`,
    ),
  ).toEqual([]);
  expect(
    await rows(
      `select c.relname from ${TABLES} where ${OF_TENANTS} and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)`,
    ),
  ).toEqual([]);
  expect(
    await rows(
      `select c.relname, i.indexrelid::regclass::text as index from ${TABLES} join pg_index i on i.indrelid = c.oid and i.indisunique
       left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] where ${OF_TENANTS} and a.attname is distinct from 'tenant_id'`,
    ),
  ).toEqual([]);
});

test('every foreign key has tenant_id on both sides: it skips row-level security', async () => {
  expect(
    await rows(
      `select k.conname from pg_constraint k join ${TABLES} on c.oid = k.conrelid
       where k.contype = 'f' and not exists (
         select from unnest(k.conkey, k.confkey) as pair (here, there)
         join pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.here and a.attname = 'tenant_id'
         join pg_attribute b on b.attrelid = k.confrelid and b.attnum = pair.there and b.attname = 'tenant_id')`,
    ),
  ).toEqual([]);
});

test('no foreign key sets null or a default, and there are no triggers, rules or views', async () => {
  expect(
    await rows(
      `select k.conname from pg_constraint k join ${TABLES} on c.oid = k.conrelid where k.contype = 'f' and (k.confdeltype in ('n', 'd') or k.confupdtype in ('n', 'd'))`,
    ),
  ).toEqual([]);
  expect(await rows(`select t.tgname from pg_trigger t join ${TABLES} on c.oid = t.tgrelid where not t.tgisinternal`)).toEqual(
    [],
  );
  expect(await rows(`select c.relname from ${TABLES} where c.relkind in ('v', 'm', 'f')`)).toEqual([]);
});

test('the runtime role owns nothing and holds no more than select, insert, update and delete', async () => {
  expect(
    await rows(`select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = 'habeas_app'`),
  ).toEqual([]);
  expect(
    await rows(
      `select table_schema, table_name, grantee, privilege_type from information_schema.role_table_grants
       where table_schema in ('public', 'keys') and grantee <> 'habeas_owner' and (grantee <> 'habeas_app' or privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))`,
    ),
  ).toEqual([]);
});

test('nobody at runtime changes what is evidence', async () => {
  const may = await rows(
    `select table_name as name, string_agg(privilege_type, ' ' order by privilege_type) as may from information_schema.role_table_grants
     where grantee = 'habeas_app' and table_name in ('audit_entries', 'audit_leaves', 'audit_nodes', 'audit_checkpoints', 'erasures', 'migrations') group by 1 order by 1`,
  );
  expect(may).toEqual([
    ...['audit_checkpoints', 'audit_entries', 'audit_leaves', 'audit_nodes', 'erasures'].map((name) => ({
      name,
      may: 'INSERT SELECT',
    })),
    { name: 'migrations', may: 'SELECT' },
  ]);
});

test('no function runs as somebody other than its caller', async () => {
  expect(
    await rows(
      `select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'keys') and p.prosecdef`,
    ),
  ).toEqual([]);
});
