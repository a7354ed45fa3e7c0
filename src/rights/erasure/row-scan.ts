import type { Session } from '../../scope/in-scope.ts';
import { keepsIds, type CatalogueTable } from './catalogue.queries.ts';
import { patterns, rawNeedles, type Needle } from './needles.ts';
import type { ResidualFinding } from './residual.entity.ts';

/** A table that is full of one word is not worth counting to its end. */
const COUNT_TO = 10_000;

/** Looks for all values in all columns of a table, in one pass over this tenant's rows for each of: text, UUIDs, bytes. */
export async function scanTable(session: Session, table: CatalogueTable, needles: readonly Needle[]): Promise<ResidualFinding[]> {
  if (!needles.length) return [];
  if (!table.readable) return [{ place: table.name, kind: 'UNREADABLE', count: 1 }];
  const wanted = keepsIds(table) ? needles.filter(({ kind }) => kind !== 'ID') : needles;
  return [
    ...(await scanText(session, table, wanted)),
    ...(await scanIds(session, table, wanted)),
    ...(await scanBytes(session, table, wanted)),
  ];
}

const quoted = (column: string): string => `"${column}"`;
const columnsOf = (table: CatalogueTable, type: string): string[] =>
  table.columns.filter((column) => column.type === type).map((column) => column.name);

/** The condition on the tenant, with its parameter, where the table has tenants. */
function tenantOf({ scope }: Session, table: CatalogueTable): { where: string; parameters: unknown[]; next: number } {
  return table.byTenant
    ? { where: 'tenant_id = $1', parameters: [scope.tenantId], next: 2 }
    : { where: 'true', parameters: [], next: 1 };
}

async function scanText(session: Session, table: CatalogueTable, needles: readonly Needle[]): Promise<ResidualFinding[]> {
  const columns = columnsOf(table, 'text');
  const found = patterns(needles);
  if (!columns.length || !found.size) return [];
  const { where, parameters, next } = tenantOf(session, table);
  const cells = columns.map((column, index) => `${quoted(column)}::text as c${index}`).join(', ');
  const values = columns.map((column, index) => `('${column}', c${index})`).join(', ');
  const rows = (await session.db.query(
    `with hits as materialized (
       select ${cells} from ${table.sql} where ${where} and concat_ws(E'\\n', ${columns.map((column) => `${quoted(column)}::text`).join(', ')}) ~ $${next} limit ${COUNT_TO})
     select v.name as "column", n.kind, count(*)::int as count from hits cross join lateral (values ${values}) as v (name, value)
       cross join unnest($${next + 1}::text[], $${next + 2}::text[]) as n (kind, pattern) where v.value ~ n.pattern group by 1, 2`,
    [...parameters, [...found.values()].join('|'), [...found.keys()], [...found.values()]],
  )) as { column: string; kind: string; count: number }[];
  return rows.map(({ column, kind, count }) => ({ place: `${table.name}.${column}`, kind, count }));
}

async function scanIds(session: Session, table: CatalogueTable, needles: readonly Needle[]): Promise<ResidualFinding[]> {
  const columns = columnsOf(table, 'uuid').filter((column) => column !== 'tenant_id');
  const ids = needles.filter(({ kind }) => kind === 'ID').map(({ value }) => value);
  if (!columns.length || !ids.length) return [];
  const { where, parameters, next } = tenantOf(session, table);
  const is = (column: string): string => `${quoted(column)} = any ($${next}::uuid[])`;
  const [row] = (await session.db.query(
    `select ${columns.map((column) => `count(*) filter (where ${is(column)})::int as ${quoted(column)}`).join(', ')} from ${table.sql} where ${where} and (${columns.map(is).join(' or ')})`,
    [...parameters, ids],
  )) as Record<string, number>[];
  return columns.flatMap((column) =>
    row![column] ? [{ place: `${table.name}.${column}`, kind: 'ID', count: row![column] }] : [],
  );
}

async function scanBytes(session: Session, table: CatalogueTable, needles: readonly Needle[]): Promise<ResidualFinding[]> {
  // What the scan itself looks for is kept there, sealed.
  const columns = columnsOf(table, 'bytea').filter((column) => `${table.name}.${column}` !== 'requests.needles');
  const raw = rawNeedles(needles);
  if (!columns.length || !raw.length) return [];
  const { where, parameters, next } = tenantOf(session, table);
  const holds = columns.map((column) => `position(n in ${quoted(column)}) > 0`).join(' or ');
  const [row] = (await session.db.query(
    `select count(*)::int as count from (select 1 from ${table.sql} where ${where} and exists (select 1 from unnest($${next}::bytea[]) as n where ${holds}) limit ${COUNT_TO}) as hit`,
    [...parameters, raw],
  )) as { count: number }[];
  return row!.count ? [{ place: `${table.name} (sealed)`, kind: 'BYTES', count: row!.count }] : [];
}
