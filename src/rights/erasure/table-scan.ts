import { readByKey } from '../../database/by-index.ts';
import { givingWay } from '../../jobs/give-way.ts';
import { inScope, type Session } from '../../scope/in-scope.ts';
import type { Scope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import { likeBytes, type Sought } from '../needles.ts';
import type { CatalogueTable } from './catalogue.queries.ts';
import { Findings } from './findings.ts';
import type { ResidualFinding } from './residual.entity.ts';
import { columnsOf, quoted, scanRows, textOfRow, type Rows } from './row-scan.ts';

/** A row's primary key behind the tenant. */
type Key = readonly unknown[];

/**
 * Looks for all values in all columns of a table: by its primary key, `limit` rows a page and a transaction. None is open for as long as a large table
 * takes, and callers are given way between two. What changes on a page behind it is as if it had been changed after the scan.
 */
export async function scanTable(
  system: System,
  scope: Scope,
  table: CatalogueTable,
  wanted: Sought,
  limit: number,
  signal: AbortSignal,
): Promise<ResidualFinding[]> {
  if (!table.readable) return [{ place: table.name, kind: 'UNREADABLE', count: 1 }];
  const found = new Findings();
  const scanPage = (after?: Key): Promise<Key | undefined> =>
    inScope(system, scope, async (session) => {
      const { upTo, ...page } = await lookAtPage(session, table, wanted, after, limit);
      found.add(await scanRows(session, table, { ...wanted, ...page }, rowsOf(session, table, after, upTo)));
      return upTo;
    });
  let after: Key | undefined;
  do {
    signal.throwIfAborted();
    const from: Key | undefined = after;
    after = await givingWay(system, signal, () => scanPage(from));
  } while (after);
  return found.list();
}

/** What the rows of a tenant are told apart by; nothing where the table has no tenants, or one row of each: it is one page. */
const keyOf = ({ key, byTenant }: CatalogueTable): string[] =>
  byTenant && key[0] === 'tenant_id' ? key.slice(1).map(quoted) : [];

/** This tenant's rows of a table, where the table has tenants; of those the ones after a key, up to another. */
function rowsOf({ scope }: Session, table: CatalogueTable, after?: Key, upTo?: Key): Rows {
  if (!table.byTenant) return { where: 'true', parameters: [] };
  const parameters: unknown[] = [scope.tenantId];
  const bounds = ['tenant_id = $1'];
  for (const [is, key] of [['>', after] as const, ['<=', upTo] as const])
    if (key) bounds.push(`(${keyOf(table).join(', ')}) ${is} (${key.map((value) => `$${parameters.push(value)}`).join(', ')})`);
  return { where: bounds.join(' and '), parameters };
}

/** What is worth looking for on a page, and the key of its last row; undefined for the last page. */
type Page = Pick<Sought, 'patterns' | 'ids' | 'bytes'> & { upTo?: Key | undefined };

/** Asks in one pass what of all that is looked for may be on a page: nearly always nothing, and LIKE knows that several times as fast as the patterns. */
async function lookAtPage(
  session: Session,
  table: CatalogueTable,
  wanted: Sought,
  after: Key | undefined,
  limit: number,
): Promise<Page> {
  const key = keyOf(table);
  if (!key.length) return wanted;
  const { where, parameters } = rowsOf(session, table, after);
  const values: unknown[] = [...parameters, limit];
  const most = `$${values.length}`;
  const { text, ids, bytes } = touching(table, wanted, (value) => `$${values.push(value)}`);
  await readByKey(session.db);
  const rows = (await session.db.query(
    `select * from (
       select array[${key.map((column) => `${column}::text`).join(', ')}] as key, row_number() over (order by ${key.join(', ')}) = ${most} as last, ${text} as text, ${ids} as ids, ${bytes} as bytes
         from ${table.sql} where ${where} order by ${key.join(', ')} limit ${most}) as page where text or ids or bytes or last`,
    values,
  )) as ({ key: string[] } & Record<'last' | 'text' | 'ids' | 'bytes', boolean | null>)[];
  return {
    patterns: rows.some((row) => row.text) ? wanted.patterns : new Map(),
    ids: rows.some((row) => row.ids) ? wanted.ids : [],
    bytes: rows.some((row) => row.bytes) ? wanted.bytes : [],
    upTo: rows.find(({ last }) => last)?.key,
  };
}

/** Conditions on a row that it holds any text, id or bytes that are looked for, wherever it is. */
function touching(
  table: CatalogueTable,
  { ids, likes, bytes }: Sought,
  parameter: (value: unknown) => string,
): Record<'text' | 'ids' | 'bytes', string> {
  const holds = (
    type: 'text' | 'uuid' | 'bytea',
    values: readonly unknown[],
    test: (columns: string[], list: string) => string,
  ): string => {
    const columns = columnsOf(table, type);
    return columns.length && values.length ? test(columns, `any (${parameter(values)}::${type}[])`) : 'false';
  };
  const any = (columns: string[], is: string): string => `(${columns.map((column) => `${quoted(column)} ${is}`).join(' or ')})`;
  return {
    text: holds('text', likes, (columns, list) => `${textOfRow(columns)} like ${list}`),
    ids: holds('uuid', ids, (columns, list) => any(columns, `= ${list}`)),
    bytes: holds('bytea', bytes.map(likeBytes), (columns, list) => any(columns, `like ${list}`)),
  };
}
