import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BEYOND_HOLDINGS, HOLDINGS } from '../../src/data/holdings.ts';
import { SEALED_COLUMNS } from '../../src/data/place.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

/** A column that by its name, or by a foreign key to users, says who somebody is. */
const PERSON =
  /^(?:user|author|subject|initiator|person|member|owner|sender|recipient|uploader|creator|customer|agent|actor|participant)_id$/;

/** Bytes that are neither sealed nor personal, and why. Anything else of type bytea must be a sealed column of a holding. */
const OTHER_BYTES: Readonly<Record<string, string>> = {
  'keys.tenant_keys.wrapped': 'a key, wrapped by the master key',
  'keys.subject_keys.wrapped': "a key, wrapped by the tenant's",
  'api_keys.secret': "sealed by the tenant's key; no person's",
  'users.external_index': 'keyed index',
  'identifiers.blind_index': 'keyed index',
  'channel_identities.external_index': 'keyed index',
  'business_links.reference_index': 'keyed index',
  'conversations.external_index': 'keyed index',
  'erasures.external_index': 'keyed index',
  'download_links.token_hash': 'hash of a secret',
  'download_links.session_hash': 'hash of a secret',
  'requests.needles': 'sealed by a key of its own, destroyed with the scan',
  // The audit log's tree and signatures: hashes of entries, which hold ids only.
  'audit_leaves.leaf_hash': 'hash',
  'audit_nodes.hash': 'hash',
  'audit_checkpoints.root': 'hash',
  'audit_checkpoints.peaks': 'hash',
  'audit_checkpoints.leaves': 'hash',
  'audit_checkpoints.signature': 'signature',
};

interface Column {
  table: string;
  column: string;
  type: string;
}

async function columns(): Promise<Column[]> {
  return (await world.sql(
    `select case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname as "table", a.attname as "column", t.typname as type
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
     where n.nspname in ('public', 'keys') and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped order by 1, 2`,
  )) as unknown as Column[];
}

/** Columns that a foreign key ties to users.id. */
async function references(): Promise<Set<string>> {
  const rows = await world.sql(
    `select c.conrelid::regclass::text || '.' || a.attname as name from pg_constraint c
     join lateral unnest(c.conkey, c.confkey) as k (own, foreign_) on true
     join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.own
     join pg_attribute f on f.attrelid = c.confrelid and f.attnum = k.foreign_
     where c.contype = 'f' and c.confrelid = 'users'::regclass and f.attname = 'id'`,
  );
  return new Set(rows.map(({ name }) => name as string));
}

test('every column that names a person is declared by the holding of its table, or the table is a stated exception', async () => {
  const tied = await references();
  const naming = (await columns()).filter(
    ({ table, column, type }) => (type === 'uuid' && PERSON.test(column)) || tied.has(`${table}.${column}`),
  );
  expect(naming.length).toBeGreaterThan(12);
  const undeclared = naming.filter(
    ({ table, column }) =>
      !(table in BEYOND_HOLDINGS) && !HOLDINGS.some((holding) => holding.table === table && holding.people.includes(column)),
  );
  expect(undeclared).toEqual([]);
});

test('every sealed column of the database is exported by its holding, and no other bytes are held', async () => {
  const bytes = (await columns()).filter(({ type }) => type === 'bytea').map(({ table, column }) => `${table}.${column}`);
  const declared = new Set(
    HOLDINGS.flatMap((holding) =>
      holding.columns.flatMap((column) => ('sealed' in column ? [`${holding.table}.${column.column}`] : [])),
    ),
  );
  // The id on the platform is what people are matched by; a conversation's is shown by the platform's own export only.
  declared.add('conversations.external_id');
  expect(bytes.filter((name) => !declared.has(name) && !(name in OTHER_BYTES))).toEqual([]);
  expect([...declared].filter((name) => !bytes.includes(name))).toEqual([]);
  expect(SEALED_COLUMNS.filter((name) => !bytes.includes(name))).toEqual([]);
});

test('what a holding declares is there: its table, its key, its columns, its people', async () => {
  const all = new Set((await columns()).map(({ table, column }) => `${table}.${column}`));
  for (const { table, key, people, columns: shown } of HOLDINGS)
    for (const column of [...key, ...people, ...shown.map((one) => one.column)])
      expect([table, column, all.has(`${table}.${column}`)]).toEqual([table, column, true]);
  for (const name of Object.keys(BEYOND_HOLDINGS)) expect([...all].some((column) => column.startsWith(`${name}.`))).toBe(true);
});

test('every table with rows of an app is a holding, so that erasing the app reaches it, or is a stated exception', async () => {
  const ofApps = new Set((await columns()).filter(({ column }) => column === 'app_id').map(({ table }) => table));
  const exceptions = [...Object.keys(BEYOND_HOLDINGS), 'api_keys', 'download_links'];
  expect(
    [...ofApps].filter((table) => !exceptions.includes(table) && !HOLDINGS.some((holding) => holding.table === table)),
  ).toEqual([]);
});

test('every table of a tenant is behind a policy that is forced on its owner too', async () => {
  const open = await world.sql(
    `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
     where n.nspname in ('public', 'keys') and c.relkind in ('r', 'p') and c.relname <> 'tenant_directory' and not (c.relrowsecurity and c.relforcerowsecurity)`,
  );
  expect(open).toEqual([]);
});

/** What a package can show of each way in which a column is shown (src/rights/package/open-page.ts), as the catalogue calls types. */
const SHOWN = {
  plain: ['text', 'uuid', 'bool', 'int2', 'int4', 'int8'],
  bigint: ['int8'],
  time: ['timestamptz'],
  person: ['uuid'],
  sealed: ['bytea'],
  'sealed-json': ['bytea'],
};

test('every column of a holding is of a type that packages show, and its first key is a UUID', async () => {
  const types = new Map((await columns()).map(({ table, column, type }) => [`${table}.${column}`, type]));
  for (const { table, key, columns: shown } of HOLDINGS) {
    expect([table, types.get(`${table}.${key[0]}`)]).toEqual([table, 'uuid']);
    for (const { column, as } of shown) {
      const type = types.get(`${table}.${column}`)!;
      expect([table, column, type, SHOWN[as].includes(type)]).toEqual([table, column, type, true]);
    }
  }
});
