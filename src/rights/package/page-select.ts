import type { ExportColumn } from '../../data/holding.ts';
import { packedSelect } from '../../database/packed.ts';
import { boundedPage, bytesOf, isHeavy } from '../../database/page-bytes.ts';
import { PAGE } from './walk.ts';

/** A page is held packed, read, opened and written, and so is the one behind it: where rows are long, it has few of them. */
const HEAVY_PAGE = 512 * 1024;

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

/** The SQL of a page, packed, whose rows have up to so many sealed bytes each, as far as that is known. */
export function pageSelect({ head, columns, alias, from, order }: PageSelect, most?: number): string {
  const items = [...head, ...columns.map((column) => nameOf(column, alias))];
  const names = items.map((_, index) => `c${index}`);
  const list = items.map((item, index) => `${item} as ${names[index]}`).join(', ');
  const page = isHeavy(most, PAGE)
    ? boundedPage({ list, names, from, order, limit: PAGE, bytes: sealedBytes(columns, alias), most: HEAVY_PAGE })
    : `select ${list} ${from} order by ${order} limit ${PAGE}`;
  return packedSelect(names, page);
}
