import { readByIndex } from '../../database/by-index.ts';
import { givingWay } from '../../jobs/give-way.ts';
import { inScope, type Session } from '../../scope/in-scope.ts';
import type { Scope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import { likeBytes, type Sought } from '../needles.ts';
import type { CatalogueTable } from './catalogue.queries.ts';
import { Findings } from './findings.ts';
import type { ResidualFinding } from './residual.entity.ts';
import { columnsOf, COUNT_TO, quoted, scanRows, type Rows } from './row-scan.ts';

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
      const { touched, upTo } = await lookAtPage(session, table, wanted, after, limit);
      const patterns: Sought['patterns'] = touched && found.total < COUNT_TO ? wanted.patterns : new Map();
      const still: Sought = touched ? { ...wanted, patterns } : { ...wanted, patterns, ids: [], bytes: [] };
      found.add(await scanRows(session, table, still, rowsOf(session, table, after, upTo)));
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

/** What the rows of a tenant are told apart by; nothing where the table has no tenants, which then is one page. */
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

/**
 * Whether any row of a page holds anything that is looked for, or what may be it, in one pass: nearly none does, and LIKE sorts them out several times as
 * fast as the patterns find them. With it where the page ends; the last one has no end, so that what comes in meanwhile is on it.
 */
async function lookAtPage(
  session: Session,
  table: CatalogueTable,
  wanted: Sought,
  after: Key | undefined,
  limit: number,
): Promise<{ touched: boolean; upTo: Key | undefined }> {
  const { where, parameters } = rowsOf(session, table, after);
  const values: unknown[] = [...parameters];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const touches = touching(table, wanted, parameter);
  const key = keyOf(table);
  if (!key.length) {
    const [row] = (await session.db.query(
      `select exists (select 1 from ${table.sql} where ${where} and (${touches})) as touched`,
      values,
    )) as { touched: boolean }[];
    return { touched: row!.touched, upTo: undefined };
  }
  await readByIndex(session.db);
  const most = parameter(limit);
  const found = (await session.db.query(
    `select key, nth, touched from (
       select array[${key.map((column) => `${column}::text`).join(', ')}] as key, row_number() over (order by ${key.join(', ')}) as nth, ${touches} as touched
         from ${table.sql} where ${where} order by ${key.join(', ')} limit ${most}) as page where touched or nth = ${most}`,
    values,
  )) as { key: string[]; nth: string; touched: boolean | null }[];
  return {
    touched: found.some(({ touched }) => touched),
    upTo: found.find(({ nth }) => Number(nth) === limit)?.key,
  };
}

/** The condition on a row that holds anything that is looked for, wherever it is. */
function touching(table: CatalogueTable, { ids, likes, bytes }: Sought, parameter: (value: unknown) => string): string {
  const [text, uuids, raw] = (['text', 'uuid', 'bytea'] as const).map((type) => columnsOf(table, type).map(quoted));
  const any: string[] = [];
  if (text!.length && likes.length)
    any.push(`concat_ws(E'\\n', ${text!.map((column) => `${column}::text`).join(', ')}) like any (${parameter(likes)}::text[])`);
  if (uuids!.length && ids.length) {
    const list = parameter(ids);
    any.push(...uuids!.map((column) => `${column} = any (${list}::uuid[])`));
  }
  if (raw!.length && bytes.length) {
    const list = parameter(bytes.map(likeBytes));
    any.push(...raw!.map((column) => `${column} like any (${list}::bytea[])`));
  }
  return any.join(' or ') || 'false';
}
