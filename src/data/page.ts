import { ArgsType, Field, GraphQLISODateTime, Int, registerEnumType } from 'type-graphql';
import { uuidv7Floor } from '../database/uuid.ts';
import { Refusal } from '../errors.ts';
import { parseId } from './not-found.ts';

const PAGE_SIZE = 200;

export enum Order {
  NEWEST_FIRST = 'NEWEST_FIRST',
  OLDEST_FIRST = 'OLDEST_FIRST',
}
registerEnumType(Order, {
  name: 'Order',
  description: 'The order of a list in time.',
  valuesConfig: {
    NEWEST_FIRST: { description: 'The latest comes first.' },
    OLDEST_FIRST: { description: 'The earliest comes first.' },
  },
});

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    defaultValue: 50,
    description: `How many to answer at most: 1 to ${PAGE_SIZE}. INVALID_INPUT below, LIMIT_EXCEEDED beyond.`,
  })
  first!: number;
  @Field(() => String, {
    nullable: true,
    description: 'Go on after this cursor (`endCursor` of the page before). INVALID_INPUT if it is not one.',
  })
  after?: string | null;
}

@ArgsType()
class OrderedArgs extends PageArgs {
  @Field(() => Order, { defaultValue: Order.NEWEST_FIRST, description: 'Newest or oldest first.' })
  order!: Order;
}

@ArgsType()
export class RangeArgs extends OrderedArgs {
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'Only from this time on (ISO 8601, inclusive).' })
  from?: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'Only before this time (ISO 8601, exclusive).' })
  to?: Date | null;
}

/** A list that is read from its beginning, as a thread is. */
@ArgsType()
export class ChronologicalArgs extends RangeArgs {
  @Field(() => Order, { defaultValue: Order.OLDEST_FIRST, description: 'Newest or oldest first.' })
  declare order: Order;
}

/** One page of ids: `lower` and `upper` are both exclusive; `limit` is one more than asked for, to know whether there are more. */
export interface Window {
  limit: number;
  newestFirst: boolean;
  lower: string;
  upper: string;
  /** Of a list whose rows have columns that are seldom asked for: whether these are left out. */
  brief?: boolean;
}

const LOWEST = '00000000-0000-0000-0000-000000000000';
const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The greatest id below every UUIDv7 of a time. */
const justBefore = (at: Date): string => uuidv7Floor(at.getTime()).replace('-8000-000000000000', '-7fff-ffffffffffff');

/**
 * The condition that an id lies in the window, whose ends are the parameters $n and $n+1. An open end is not compared: a range between two ids that the
 * planner does not know is half a percent of the rows to it, few enough to sort them all instead of reading 20 from an index.
 */
export function within({ lower, upper }: Window, id: string, n: number): string {
  const above = lower === LOWEST ? `$${n}::uuid is not null` : `${id} > $${n}`;
  const below = upper === HIGHEST ? `$${n + 1}::uuid is not null` : `${id} < $${n + 1}`;
  return `${above} and ${below}`;
}

/** In which direction the ids of the window are read. */
export const direction = ({ newestFirst }: Window): 'asc' | 'desc' => (newestFirst ? 'desc' : 'asc');

export const cursorOf = (id: string): string => Buffer.from(id).toString('base64url');

function readCursor(after: string): string {
  const id = parseId(Buffer.from(after, 'base64url').toString('latin1'));
  if (!id || cursorOf(id) !== after) throw new Refusal('INVALID_INPUT', 'after: not a cursor of a page.');
  return id;
}

/** Checks what a caller asks of a list. Ids are UUIDv7, made from the time of what they name, so a date range is a range of ids. */
export function windowOf(args: PageArgs & Partial<RangeArgs>): Window {
  const { first, after, order = Order.OLDEST_FIRST, from, to } = args;
  if (first < 1) throw new Refusal('INVALID_INPUT', 'first: at least 1.');
  if (first > PAGE_SIZE) throw new Refusal('LIMIT_EXCEEDED', `first: at most ${PAGE_SIZE}.`);
  const newestFirst = order === Order.NEWEST_FIRST;
  const window: Window = {
    limit: first + 1,
    newestFirst,
    lower: from ? justBefore(from) : LOWEST,
    upper: to ? uuidv7Floor(to.getTime()) : HIGHEST,
  };
  if (after === undefined || after === null) return window;
  const id = readCursor(after);
  if (newestFirst && id < window.upper) window.upper = id;
  if (!newestFirst && id > window.lower) window.lower = id;
  return window;
}

/** Sorts the rows of one page as asked for, and cuts them to its length. */
export function inOrder<T>(rows: readonly T[], window: Window, idOf: (row: T) => string): T[] {
  const precedes = (a: T, b: T): boolean => (window.newestFirst ? idOf(a) > idOf(b) : idOf(a) < idOf(b));
  // As one index gives them they mostly are.
  const sorted = rows.every((row, index) => index === 0 || !precedes(row, rows[index - 1]!));
  return (sorted ? rows : rows.toSorted((a, b) => (precedes(a, b) ? -1 : 1))).slice(0, window.limit);
}

/** A loader's key for one page of one parent. */
export const pageKey = (parent: string, window: Window): string => `${parent} ${JSON.stringify(window)}`;

const MOST_PAGES = 5;
const SHORT_PAGE = /"limit":(?:\d|[1-4]\d|5[01])\D/;

/** Pages that may be read together with those of other requests: few, and none of them long. */
export const fewPages = (keys: readonly string[]): boolean =>
  keys.length <= MOST_PAGES && keys.every((key) => SHORT_PAGE.test(key));

/** Loads pages of many parents with one call for each distinct window: as many as the document has lists, however many rows it answers. */
export async function loadPages<T>(
  keys: readonly string[],
  load: (parents: string[], window: Window) => Promise<readonly (T & { parent: string })[]>,
  idOf: (row: T) => string,
): Promise<T[][]> {
  const groups = new Map<string, { window: Window; pages: Map<string, T[]> }>();
  const wanted = keys.map((key) => {
    const at = key.indexOf(' ');
    const [parent, name] = [key.slice(0, at), key.slice(at + 1)];
    let group = groups.get(name);
    if (!group) groups.set(name, (group = { window: JSON.parse(name) as Window, pages: new Map() }));
    group.pages.set(parent, []);
    return { parent, group };
  });
  const readGroup = async ({ window, pages }: { window: Window; pages: Map<string, T[]> }): Promise<void> => {
    for (const row of await load([...pages.keys()], window)) pages.get(row.parent)?.push(row);
  };
  await Promise.all([...groups.values()].map(readGroup));
  return wanted.map(({ parent, group }) => inOrder(group.pages.get(parent)!, group.window, idOf));
}
