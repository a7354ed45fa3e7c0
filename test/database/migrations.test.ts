import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { MIGRATIONS } from '../../ormconfig.ts';
import { migrate, migrateDown } from '../../src/database/migrate.ts';
import { freshDatabase, type FreshDatabase } from '../support/cluster.ts';
import { debianDatabase, debianServerThere } from '../support/debian-server.ts';

/** Everything that a schema is: each query lists one kind of thing, in words that do not depend on the order they were made in. */
const CATALOGUE: Record<string, string> = {
  columns: `select c.oid::regclass::text as name, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
      || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''), ', ' order by a.attname) as it
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum where c.relkind in ('r', 'p') and OURS group by 1`,
  // Since 18 a not-null is a constraint of its own; the columns tell it.
  constraints: `select conrelid::regclass || ' ' || conname as name, pg_get_constraintdef(k.oid) as it from pg_constraint k join pg_class c on c.oid = conrelid where contype <> 'n' and OURS`,
  indexes: `select c.oid::regclass::text as name, pg_get_indexdef(c.oid) as it from pg_class c where c.relkind = 'i' and OURS`,
  settings: `select c.oid::regclass::text as name, concat_ws(' ', relrowsecurity, relforcerowsecurity, reloptions::text, pg_get_userbyid(relowner)) as it from pg_class c where c.relkind in ('r', 'p') and OURS`,
  policies: `select c.oid::regclass || ' ' || polname as name, concat_ws(' / ', polcmd, polpermissive, polroles::text, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) as it from pg_policy p join pg_class c on c.oid = polrelid where OURS`,
  grants: `select c.oid::regclass::text as name, string_agg(g.grantee::regrole || ' ' || g.privilege_type, ', ' order by 1::text, g.grantee::regrole::text, g.privilege_type) as it
    from pg_class c, aclexplode(c.relacl) g where g.grantee <> c.relowner and OURS group by 1`,
  schemas: `select nspname as name, string_agg(case g.grantee when 0 then 'public' else g.grantee::regrole::text end || ' ' || g.privilege_type, ', ' order by g.grantee, g.privilege_type) as it
    from pg_namespace c, aclexplode(nspacl) g where nspname in ('public', 'keys') and g.grantee <> c.nspowner group by 1`,
  functions: `select p.oid::regprocedure::text as name, pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') as it from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'keys')`,
};
const OURS = `c.relnamespace in ('public'::regnamespace, to_regnamespace('keys'))`;

async function catalogueOf(adminUrl: string): Promise<Record<string, Record<string, string>>> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const found: Record<string, Record<string, string>> = {};
    for (const [kind, text] of Object.entries(CATALOGUE)) {
      const { rows } = await client.query<{ name: string; it: string }>(`${text.replace('OURS', OURS)} order by 1`);
      found[kind] = Object.fromEntries(rows.map(({ name, it }) => [name, it]));
    }
    return found;
  } finally {
    await client.end();
  }
}

let fresh: FreshDatabase;
let empty: { name: string; adminUrl: string; ownerUrl: string };
let asAdmin: pg.Client;

beforeAll(async () => {
  fresh = await freshDatabase();
  const on = (url: string, name: string): string => Object.assign(new URL(url), { pathname: `/${name}` }).href;
  const name = `t_${process.pid}_${randomBytes(4).toString('hex')}`;
  empty = { name, adminUrl: on(fresh.adminUrl, name), ownerUrl: on(fresh.ownerUrl, name) };
  asAdmin = new pg.Client({ connectionString: on(fresh.adminUrl, 'postgres') });
  await asAdmin.connect();
  await asAdmin.query(`create database ${name} owner habeas_owner`);
});
afterAll(async () => {
  await asAdmin.query(`drop database if exists ${empty.name} with (force)`);
  await asAdmin.end();
  await fresh.drop();
});

test('an empty database is migrated by two processes at once: each migration is applied once', async () => {
  const applied = await Promise.all([migrate(empty.ownerUrl), migrate(empty.ownerUrl)]);
  expect(applied.flat().toSorted()).toEqual(MIGRATIONS.map(({ name }) => name).toSorted());
  expect(await catalogueOf(empty.adminUrl)).toEqual(await catalogueOf(fresh.adminUrl));
});

test('every migration is taken back, nothing stays, and going up again gives the same tables, policies and grants', async () => {
  const before = await catalogueOf(empty.adminUrl);
  expect(Object.keys(before['policies']!).length).toBeGreaterThan(25);
  const undone: string[] = [];
  for (let name = await migrateDown(empty.ownerUrl); name; name = await migrateDown(empty.ownerUrl)) undone.push(name);
  expect(undone).toEqual(MIGRATIONS.map(({ name }) => name).toReversed());
  const nothing = await catalogueOf(empty.adminUrl);
  expect(Object.keys(nothing['columns']!)).toEqual(['migrations']);
  expect([nothing['policies'], nothing['functions']]).toEqual([{}, {}]);
  await migrate(empty.ownerUrl);
  expect(await catalogueOf(empty.adminUrl)).toEqual(before);
});

test('migrating again changes nothing', async () => {
  const before = await catalogueOf(empty.adminUrl);
  expect(await migrate(empty.ownerUrl)).toEqual([]);
  expect(await catalogueOf(empty.adminUrl)).toEqual(before);
});

test('a database whose migration fails is left as it was before that migration', async () => {
  while ((await migrateDown(empty.ownerUrl)) !== undefined);
  const client = new pg.Client({ connectionString: empty.ownerUrl });
  await client.connect();
  await client.query('create table messages (in_the_way int)');
  await expect(migrate(empty.ownerUrl)).rejects.toThrow('already exists');
  const { rows } = await client.query<{ name: string }>('select name from migrations order by id desc limit 1');
  expect(rows[0]!.name).toMatch(/^Conversations/);
  expect((await client.query(`select to_regclass('mentions') as there`)).rows).toEqual([{ there: null }]);
  await client.query('drop table messages');
  await client.end();
  await migrate(empty.ownerUrl);
  expect(await catalogueOf(empty.adminUrl)).toEqual(await catalogueOf(fresh.adminUrl));
});

if (!debianServerThere) process.stderr.write("SKIPPED: the schema on PostgreSQL 15; install Debian's postgresql-15 to run it.\n");
(debianServerThere ? test : test.skip)('PostgreSQL 15 gets the same schema', async () => {
  const debian = await debianDatabase();
  try {
    expect(await catalogueOf(debian.adminUrl)).toEqual(await catalogueOf(fresh.adminUrl));
  } finally {
    await debian.drop();
  }
});
