import type { ExportColumn } from '../../data/holding.ts';
import { boundedPage, bytesOf, isHeavy } from '../../database/page-bytes.ts';
import { isoTime, PAGE } from './walk.ts';

/** Which rows a page of a package consists of, and what is read of each. */
export interface PageSelect {
  /** SQL of what stands before the columns. */
  head: readonly string[];
  columns: readonly ExportColumn[];
  /** Of the columns' table, where it is given another name. */
  alias?: string;
  /** `from ... where ...` */
  from: string;
  order: string;
}

const nameOf = ({ column }: ExportColumn, alias?: string): string => (alias ? `${alias}.${column}` : column);

/** The SQL of how many bytes of a row are sealed. */
export const sealedBytes = (columns: readonly ExportColumn[], alias?: string): string =>
  bytesOf(columns.filter((column) => 'sealed' in column).map((column) => nameOf(column, alias)));

/** The SQL of a page whose rows have up to so many sealed bytes each, as far as that is known. */
export function pageSelect({ head, columns, alias, from, order }: PageSelect, most?: number): string {
  const cells = columns.map((column) => (column.as === 'time' ? isoTime(nameOf(column, alias)) : nameOf(column, alias)));
  const list = [...head, ...cells];
  if (!isHeavy(most, PAGE)) return `select ${list.join(', ')} ${from} order by ${order} limit ${PAGE}`;
  const names = list.map((_, index) => `c${index}`);
  const named = list.map((cell, index) => `${cell} as ${names[index]}`).join(', ');
  return boundedPage({ list: named, names, from, order, limit: PAGE, bytes: sealedBytes(columns, alias) });
}
