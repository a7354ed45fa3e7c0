import { Field, GraphQLISODateTime, Int, ObjectType } from 'type-graphql';
import type { Session } from '../scope/in-scope.ts';
import { HOLDINGS } from './holdings.ts';
import { enterOwnRows } from './own-rows.ts';

@ObjectType({ description: 'How much of one category of data is held about a person.' })
export class HoldingCount {
  @Field(() => String, { description: 'The category: also the name of its file in an export.' })
  category!: string;
  @Field(() => String, { description: 'What it is, in words for the person.' })
  description!: string;
  @Field(() => Int, { description: 'How many rows.' })
  count!: number;
  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'Time of the oldest; null where there is none, or the category has no times.',
  })
  oldest!: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'Time of the newest; likewise.' })
  newest!: Date | null;
}

/** Counts what is held about a person, category by category, in one statement. */
export async function countHoldings(session: Session, userId: string): Promise<HoldingCount[]> {
  await enterOwnRows(session);
  const counts = HOLDINGS.map(
    ({ table, find, at }, index) =>
      `select ${index} as index, count(*)::int as count, ${at ? `min(${at})` : 'null::timestamptz'} as oldest, ${at ? `max(${at})` : 'null::timestamptz'} as newest
       from ${table} where tenant_id = $1 and ${find}`,
  );
  const rows = (await session.db.query(counts.join(' union all '), [session.scope.tenantId, userId])) as (Omit<
    HoldingCount,
    'category' | 'description'
  > & { index: number })[];
  const found = new Map(rows.map(({ index, ...row }) => [index, row]));
  return HOLDINGS.map(({ category, description }, index) => ({ category, description, ...found.get(index)! }));
}
