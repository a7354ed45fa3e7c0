import type { Session } from '../../scope/in-scope.ts';
import type { CatalogueTable } from './catalogue.queries.ts';
import { BETWEEN_WORDS, type Sought } from '../needles.ts';
import type { ResidualFinding } from './residual.entity.ts';

/** A table that is full of one word is not worth counting to its end. */
const COUNT_TO = 10_000;

/** Looks for all values in all columns of a table, in one pass over this tenant's rows for each of: text, UUIDs, bytes. */
export async function scanTable(session: Session, table: CatalogueTable, wanted: Sought): Promise<ResidualFinding[]> {
  if (!table.readable) return [{ place: table.name, kind: 'UNREADABLE', count: 1 }];
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

async function scanText(session: Session, table: CatalogueTable, wanted: Sought): Promise<ResidualFinding[]> {
  const columns = columnsOf(table, 'text');
  if (!columns.length) return [];
  const findings = new Map<string, ResidualFinding>();
  for (const finding of [
    ...(await scanPatterns(session, table, columns, wanted.patterns)),
    ...(await scanWords(session, table, columns, wanted.rare)),
  ]) {
    const name = `${finding.place} ${finding.kind}`;
    findings.set(name, { place: finding.place, kind: finding.kind, count: finding.count + (findings.get(name)?.count ?? 0) });
  }
  return [...findings.values()];
}

async function scanPatterns(
  session: Session,
  table: CatalogueTable,
  columns: readonly string[],
  found: Sought['patterns'],
): Promise<ResidualFinding[]> {
  if (!found.size) return [];
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

/** Splits every text into words and matches only where one of them is wanted: its time does not grow with how much is looked for. */
async function scanWords(
  session: Session,
  table: CatalogueTable,
  columns: readonly string[],
  rare: Sought['rare'],
): Promise<ResidualFinding[]> {
  if (!rare.length) return [];
  const { where, parameters, next } = tenantOf(session, table);
  const values = columns.map((column) => `('${column}', t.${quoted(column)}::text)`).join(', ');
  const rows = (await session.db.query(
    // In two steps, or the planner may match every pattern against every text.
    `with hits as materialized (
       select t.tableoid as "table", t.ctid as "row", v.name, v.value, w.word from ${table.sql} t cross join lateral (values ${values}) as v (name, value)
         cross join lateral regexp_split_to_table(v.value, $${next + 3}) as w (word) where ${where} and w.word = any ($${next}::text[]))
     select name as "column", kind, count(*)::int as count from (
       select distinct "table", "row", name, n.kind from hits
         join unnest($${next}::text[], $${next + 1}::text[], $${next + 2}::text[]) as n (word, kind, pattern) using (word) where value ~ n.pattern limit ${COUNT_TO}) as found
     group by 1, 2`,
    [
      ...parameters,
      rare.map(({ word }) => word),
      rare.map(({ kind }) => kind),
      rare.map(({ pattern }) => pattern),
      BETWEEN_WORDS,
    ],
  )) as { column: string; kind: string; count: number }[];
  return rows.map(({ column, kind, count }) => ({ place: `${table.name}.${column}`, kind, count }));
}

async function scanIds(session: Session, table: CatalogueTable, { ids }: Sought): Promise<ResidualFinding[]> {
  const columns = columnsOf(table, 'uuid').filter((column) => column !== 'tenant_id');
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

async function scanBytes(session: Session, table: CatalogueTable, { bytes: raw }: Sought): Promise<ResidualFinding[]> {
  // What the scan itself looks for is kept there, sealed.
  const columns = columnsOf(table, 'bytea').filter((column) => `${table.name}.${column}` !== 'requests.needles');
  if (!columns.length || !raw.length) return [];
  const { where, parameters, next } = tenantOf(session, table);
  const holds = columns.map((column) => `position(n in ${quoted(column)}) > 0`).join(' or ');
  const [row] = (await session.db.query(
    `select count(*)::int as count from (select 1 from ${table.sql} where ${where} and exists (select 1 from unnest($${next}::bytea[]) as n where ${holds}) limit ${COUNT_TO}) as hit`,
    [...parameters, raw],
  )) as { count: number }[];
  return row!.count ? [{ place: `${table.name} (sealed)`, kind: 'BYTES', count: row!.count }] : [];
}
