import type { Session } from '../../scope/in-scope.ts';
import type { CatalogueTable } from './catalogue.queries.ts';
import { BETWEEN_WORDS, type Sought } from '../needles.ts';
import { Findings } from './findings.ts';
import type { ResidualFinding } from './residual.entity.ts';

/** Which rows of a table: a condition, with its parameters. */
export interface Rows {
  where: string;
  parameters: readonly unknown[];
}

export const quoted = (column: string): string => `"${column}"`;

/** The columns of a type in which something may be found; not the one that keeps, sealed, what the scan looks for. */
export const columnsOf = ({ name, columns }: CatalogueTable, type: 'text' | 'uuid' | 'bytea'): string[] =>
  columns
    .filter((column) => column.type === type && column.name !== 'tenant_id' && `${name}.${column.name}` !== 'requests.needles')
    .map((column) => column.name);

/** All texts of a row as one: what is looked for in it is in one of them. */
export const textOfRow = (columns: readonly string[]): string =>
  `concat_ws(E'\\n', ${columns.map((column) => `${quoted(column)}::text`).join(', ')})`;

/** Finds and counts all values in all columns of some rows, in one pass over them for each of: text, UUIDs, bytes. */
export async function scanRows(session: Session, table: CatalogueTable, wanted: Sought, rows: Rows): Promise<ResidualFinding[]> {
  const text = columnsOf(table, 'text');
  const found = new Findings();
  if (text.length && wanted.patterns.size) found.add(await scanPatterns(session, table, text, wanted.patterns, rows));
  if (text.length && wanted.rare.length) found.add(await scanWords(session, table, text, wanted.rare, rows));
  found.add(await scanIds(session, table, wanted, rows));
  found.add(await scanBytes(session, table, wanted, rows));
  return found.list();
}

async function scanPatterns(
  session: Session,
  table: CatalogueTable,
  columns: readonly string[],
  patterns: Sought['patterns'],
  { where, parameters }: Rows,
): Promise<ResidualFinding[]> {
  const next = parameters.length + 1;
  const cells = columns.map((column, index) => `${quoted(column)}::text as c${index}`).join(', ');
  const values = columns.map((column, index) => `('${column}', c${index})`).join(', ');
  const rows = (await session.db.query(
    `with hits as materialized (
       select ${cells} from ${table.sql} where ${where} and ${textOfRow(columns)} ~ $${next})
     select v.name as "column", n.kind, count(*)::int as count from hits cross join lateral (values ${values}) as v (name, value)
       cross join unnest($${next + 1}::text[], $${next + 2}::text[]) as n (kind, pattern) where v.value ~ n.pattern group by 1, 2`,
    [...parameters, [...patterns.values()].join('|'), [...patterns.keys()], [...patterns.values()]],
  )) as { column: string; kind: string; count: number }[];
  return rows.map(({ column, kind, count }) => ({ place: `${table.name}.${column}`, kind, count }));
}

/** Splits every text into words and matches only where one of them is wanted: its time does not grow with how much is looked for. */
async function scanWords(
  session: Session,
  table: CatalogueTable,
  columns: readonly string[],
  rare: Sought['rare'],
  { where, parameters }: Rows,
): Promise<ResidualFinding[]> {
  const next = parameters.length + 1;
  const values = columns.map((column) => `('${column}', t.${quoted(column)}::text)`).join(', ');
  const rows = (await session.db.query(
    // In two steps, or the planner may match every pattern against every text.
    `with hits as materialized (
       select t.tableoid as "table", t.ctid as "row", v.name, v.value, w.word from ${table.sql} t cross join lateral (values ${values}) as v (name, value)
         cross join lateral regexp_split_to_table(v.value, $${next + 3}) as w (word) where ${where} and w.word = any ($${next}::text[]))
     select name as "column", kind, count(*)::int as count from (
       select distinct "table", "row", name, n.kind from hits
         join unnest($${next}::text[], $${next + 1}::text[], $${next + 2}::text[]) as n (word, kind, pattern) using (word) where value ~ n.pattern) as found
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

async function scanIds(
  session: Session,
  table: CatalogueTable,
  { ids }: Sought,
  { where, parameters }: Rows,
): Promise<ResidualFinding[]> {
  const columns = columnsOf(table, 'uuid');
  if (!columns.length || !ids.length) return [];
  const next = parameters.length + 1;
  const is = (column: string): string => `${quoted(column)} = any ($${next}::uuid[])`;
  const [row] = (await session.db.query(
    `select ${columns.map((column) => `count(*) filter (where ${is(column)})::int as ${quoted(column)}`).join(', ')} from ${table.sql} where ${where} and (${columns.map(is).join(' or ')})`,
    [...parameters, ids],
  )) as Record<string, number>[];
  return columns.flatMap((column) =>
    row![column] ? [{ place: `${table.name}.${column}`, kind: 'ID', count: row![column] }] : [],
  );
}

async function scanBytes(
  session: Session,
  table: CatalogueTable,
  { bytes: raw }: Sought,
  { where, parameters }: Rows,
): Promise<ResidualFinding[]> {
  const columns = columnsOf(table, 'bytea');
  if (!columns.length || !raw.length) return [];
  const next = parameters.length + 1;
  const holds = columns.map((column) => `position(n in ${quoted(column)}) > 0`).join(' or ');
  const [row] = (await session.db.query(
    `select count(*)::int as count from (select 1 from ${table.sql} where ${where} and exists (select 1 from unnest($${next}::bytea[]) as n where ${holds})) as hit`,
    [...parameters, raw],
  )) as { count: number }[];
  return row!.count ? [{ place: `${table.name} (sealed)`, kind: 'BYTES', count: row!.count }] : [];
}
