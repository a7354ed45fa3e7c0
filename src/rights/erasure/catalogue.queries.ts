import { BEYOND_HOLDINGS } from '../../data/holdings.ts';
import type { Session } from '../../scope/in-scope.ts';

/** A table as the database's catalogue describes it: nothing here is a list kept by hand, so a new table is looked into from its first day. */
export interface CatalogueTable {
  /** `messages`, `keys.subject_keys`: as findings name it. */
  name: string;
  sql: string;
  readable: boolean;
  columns: { name: string; type: 'text' | 'uuid' | 'bytea' }[];
  byTenant: boolean;
  byApp: boolean;
  /** Its primary key, in order. */
  key: string[];
}

const SCHEMAS = ['public', 'keys', 'jobs'];
/** Named by BEYOND_HOLDINGS, but only until the person is gone. */
const GONE_WITH_THE_PERSON = new Set(['keys.subject_keys', 'artefact_subjects']);

/** Evidence, in which the ids that Habeas gave may stay: requests, the ledger, the audit log, payloads of jobs. Names and addresses may not. */
export const keepsIds = (table: CatalogueTable): boolean =>
  (table.name in BEYOND_HOLDINGS && !GONE_WITH_THE_PERSON.has(table.name)) ||
  table.name.startsWith('audit_') ||
  table.name.startsWith('jobs.');

interface Row {
  schema: string;
  table: string;
  column: string;
  readable: boolean;
  type: 'text' | 'uuid' | 'bytea' | null;
  /** Its place in the primary key, from 1. */
  inKey: number | null;
}

export async function readCatalogue({ db }: Session): Promise<CatalogueTable[]> {
  const rows = (await db.query(
    `select n.nspname as schema, c.relname as "table", a.attname as "column", has_table_privilege(c.oid, 'select') as readable,
       case when t.typname in ('uuid', 'bytea') then t.typname when t.typcategory in ('S', 'E', 'A') or t.typname in ('json', 'jsonb') then 'text' end as type,
       (select k.nth::int from pg_index i cross join lateral unnest(i.indkey) with ordinality as k (attnum, nth)
         where i.indrelid = c.oid and i.indisprimary and k.nth <= i.indnkeyatts and k.attnum = a.attnum) as "inKey"
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
     where n.nspname = any ($1) and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0 and not a.attisdropped and has_schema_privilege(n.oid, 'usage')
     order by n.nspname, c.relname, a.attnum`,
    [SCHEMAS],
  )) as Row[];
  const tables = new Map<string, CatalogueTable>();
  for (const { schema, table: bare, column, readable, type, inKey } of rows) {
    const name = schema === 'public' ? bare : `${schema}.${bare}`;
    const table = tables.get(name) ?? {
      name,
      sql: `"${schema}"."${bare}"`,
      readable,
      columns: [],
      key: [],
      byTenant: false,
      byApp: false,
    };
    tables.set(name, table);
    if (column === 'tenant_id') table.byTenant = true;
    if (column === 'app_id') table.byApp = true;
    if (inKey) table.key[inKey - 1] = column;
    if (type) table.columns.push({ name: column, type });
  }
  return [...tables.values()];
}
