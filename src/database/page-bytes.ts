/** What a page of rows may weigh in its wide columns, but for its last row: thousands of rows of megabytes each would fill the memory. */
const PAGE_BYTES = 8 * 1024 * 1024;

/** A page of rows in the order of their key. */
export interface PageQuery {
  /** The select list. */
  list: string;
  /** What its columns are called, where nothing may stand beside them. */
  names?: readonly string[];
  /** `from ... where ...` */
  from: string;
  order: string;
  limit: number;
  /** SQL of the bytes of a row that count: see `bytesOf`. */
  bytes: string;
  /** Where a page is held in more forms than one, less than others may weigh. */
  most?: number;
}

/** The SQL of how many bytes columns hold. It does not read what is stored out of line. */
export const bytesOf = (columns: readonly string[]): string =>
  columns.map((column) => `coalesce(octet_length(${column}), 0)`).join(' + ') || '0';

/** Whether a page of rows of up to so many bytes may weigh too much; so it may where nobody has counted. */
export const isHeavy = (bytes: number | undefined, limit: number): boolean => bytes === undefined || bytes * limit > PAGE_BYTES;

/** The SQL of a page that ends early where its rows weigh too much, but not before its first row. An empty page is the end, a short one is not. To add up takes the database a third longer. */
export const boundedPage = ({ list, names, from, order, limit, bytes, most = PAGE_BYTES }: PageQuery): string =>
  `select ${names?.join(', ') ?? '*'} from (
    select ${list}, sum(${bytes}) over (page rows between unbounded preceding and 1 preceding) as "bytesBefore", row_number() over page as "pageRow"
    ${from} window page as (order by ${order}) order by ${order} limit ${limit}
  ) heavy where coalesce("bytesBefore", 0) < ${most} order by "pageRow"`;
