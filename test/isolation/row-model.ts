import type { Session } from '../../src/scope/in-scope.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import type { World } from '../support/world.ts';

/** A scope as the database is told of it, without anything opened. */
export interface Reach {
  tenant: string;
  app: string | null;
  user: string | null;
}

/**
 * Whose a row of each table is, for a person's own scope: the column that names them. Written from DESIGN section 4. What is not among these is
 * bound by the app or the tenant only, for the reasons given below.
 */
const PERSON: Readonly<Record<string, string>> = {
  users: 'id',
  identifiers: 'user_id',
  channel_identities: 'user_id',
  business_links: 'user_id',
  participants: 'user_id',
  messages: 'subject_id',
  mentions: 'user_id',
  reactions: 'user_id',
  attachments: 'subject_id',
  calls: 'initiator_id',
  call_participants: 'user_id',
  delivery_records: 'user_id',
  requests: 'subject_id',
  artefacts: 'subject_id',
};
/** A person's own scope sees none of these until something is opened; of keys none at all. */
const NOBODYS = new Set(['conversations', 'api_keys']);
/** Of the whole tenant: closed to the scope of an app, and of a person. */
const TENANT_WIDE = /^audit_/;
/** Open to every scope of the tenant, since each needs them to do its work; none holds what a person said or is called. */
const OF_THE_TENANT: Readonly<Record<string, string>> = {
  tenants: 'an app reads the settings of its tenant',
  tenant_keys: 'every scope unwraps its keys; what is stored is wrapped by the master key',
  denied_tokens: 'any token may have been denied',
  erasures: 'intake of any app must know who was erased; ids and keyed indexes',
  doomed_files: 'whoever deletes a file writes its name down first; names are ids',
};
/** Bound by the app but not by the person: ids of people in a file, hashes of links, wrapped keys. A person's own export writes them. */
const OF_THE_APP: Readonly<Record<string, string>> = {
  artefact_subjects: 'a person’s own package records everybody in it, to be deleted with any of them',
  download_links: 'hashes; a link is opened by who has its secret',
  subject_keys: 'names and messages of others in a conversation are opened with their keys; what is stored is wrapped',
  apps: 'a person’s app',
};

export type Row = Record<string, unknown>;

/** Whether a row is for this scope. */
function isFor(table: string, row: Row, reach: Reach): boolean {
  if (row['tenant_id'] !== reach.tenant) return false;
  if (table in OF_THE_TENANT) return true;
  if (TENANT_WIDE.test(table)) return reach.app === null && reach.user === null;
  const app = table === 'apps' ? row['id'] : row['app_id'];
  // A key without an app is that of something of the whole tenant: wrapped, and of no use by itself.
  const withoutApp = table === 'subject_keys' && app === null;
  if (reach.app !== null && app !== reach.app && !withoutApp) return false;
  if (reach.user === null || table in OF_THE_APP) return true;
  if (NOBODYS.has(table)) return false;
  return row[PERSON[table]!] === reach.user;
}

export async function tenantTables(world: World): Promise<{ name: string; table: string }[]> {
  return (await world.sql(
    `select n.nspname || '.' || c.relname as name, c.relname as table from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'keys') and c.relkind = 'r' and c.relrowsecurity order by 1`,
  )) as { name: string; table: string }[];
}

const within = <T>(world: World, { tenant, app, user }: Reach, act: (session: Session) => Promise<T>): Promise<T> =>
  inScope(
    world.system,
    { ...world.cli, tenantId: tenant, ...(app ? { appId: app } : {}), ...(user ? { userId: user } : {}) },
    act,
  );

/** Reads a table whole in every scope, with no condition of its own, and says where it shows too much or too little. */
export async function probeRows(
  world: World,
  reaches: readonly Reach[],
  tables: readonly { name: string; table: string }[],
): Promise<string[]> {
  const found: string[] = [];
  const columns = 'md5(t::text) as print, t.*';
  for (const { name, table } of tables) {
    for (const reach of reaches) {
      let wrong = '';
      // The server seals its log meanwhile: what is only on its way is gone at the second look.
      for (let look = 0; look < 3 && (look === 0 || wrong); look += 1) {
        const all = await world.sql(`select ${columns} from ${name} t`);
        const seen = (await within(world, reach, ({ db }) => db.query(`select ${columns} from ${name} t`))) as Row[];
        const prints = new Set(seen.map(({ print }) => print));
        const odd = all.find((row) => isFor(table, row, reach) !== prints.has(row['print']));
        wrong = odd ? `${name}: ${JSON.stringify(reach)} sees too ${prints.has(odd['print']) ? 'much' : 'little'}` : '';
      }
      if (wrong) found.push(wrong);
    }
  }
  return found;
}

/** Thrown at the end of what is only tried. */
class Undone extends Error {
  constructor(readonly outcome: string) {
    super(outcome);
  }
}

/** What became of a statement in a scope: how many rows it touched, or the SQLSTATE. Whatever it did is undone. */
const tried = (world: World, reach: Reach, sql: string, parameters: unknown[] = []): Promise<string> =>
  within(world, reach, async ({ db }) => {
    const answer = (await db.query(sql, parameters)) as unknown[];
    throw new Undone(`${String(typeof answer[1] === 'number' ? answer[1] : answer.length)} rows`);
  }).catch((error: Error & { driverError?: { code?: string } }) =>
    error instanceof Undone ? error.outcome : (error.driverError?.code ?? error.message),
  );

/** Tries to write a copy of a row again: of another tenant's, which no scope may, and of one's own, which only the row itself forbids. */
export async function probeWrites(
  world: World,
  reaches: readonly Reach[],
  tables: readonly { name: string; table: string }[],
): Promise<string[]> {
  const found: string[] = [];
  for (const { name } of tables) {
    const copy = `insert into ${name} select (jsonb_populate_record(null::${name}, $1)).*`;
    for (const reach of reaches) {
      const rows = await world.sql(`select distinct on (tenant_id) to_jsonb(t) as json, tenant_id from ${name} t`);
      const foreign = rows.find((row) => row['tenant_id'] !== reach.tenant);
      const own = reach.app === null && rows.find((row) => row['tenant_id'] === reach.tenant);
      // Row-level security answers before any unique index does: that a row is there already must not show.
      const state = foreign ? await tried(world, reach, copy, [foreign['json']]) : '42501';
      if (state !== '42501') found.push(`${name}: ${JSON.stringify(reach)} writing another tenant's row met ${state}`);
      if (own && (await tried(world, reach, copy, [own['json']])) === '42501')
        found.push(`${name}: ${JSON.stringify(reach)} may not write its own`);
    }
  }
  return found;
}

/** Deletes all there is, as far as a scope of a whole tenant gets, and undoes it: that must be its own rows, and all of them. */
export async function probeDeletes(
  world: World,
  reaches: readonly Reach[],
  tables: readonly { name: string; table: string }[],
): Promise<string[]> {
  const found: string[] = [];
  for (const { name, table } of tables) {
    for (const reach of reaches.filter(({ app }) => app === null)) {
      let wrong = '';
      for (let look = 0; look < 3 && (look === 0 || wrong); look += 1) {
        const own = (await world.sql(`select * from ${name}`)).filter((row) => isFor(table, row, reach)).length;
        const state = await tried(world, reach, `delete from ${name}`);
        // Not granted, or held by rows of other tables.
        wrong = ['42501', '23503', `${own} rows`].includes(state)
          ? ''
          : `${name}: ${JSON.stringify(reach)} deleted ${state} of ${own}`;
      }
      if (wrong) found.push(wrong);
    }
  }
  return found;
}
