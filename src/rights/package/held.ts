import { enterOwnRows } from '../../data/own-rows.ts';
import { sealedBytes } from './page-select.ts';
import { type Walk } from './walk.ts';

/** How much is held of a category, from when to when. */
export interface Held {
  category: string;
  description: string;
  count: number;
  oldest: string | null;
  newest: string | null;
}

/** Counts the person's rows in every holding of the walk, and notes what they weigh. */
export async function countHeld(walk: Walk): Promise<Held[]> {
  return walk.read(async (session) => {
    await enterOwnRows(session);
    const held: Held[] = [];
    for (const { category, description, table, find, at, columns } of walk.holdings) {
      const times = at
        ? `min(${at}) as oldest, max(${at}) as newest`
        : 'null::timestamptz as oldest, null::timestamptz as newest';
      const [row] = (await session.db.query(
        `select count(*)::int as count, ${times}, coalesce(max(${sealedBytes(columns)}), 0)::int as bytes from ${table} where tenant_id = $1 and ${find}`,
        [session.scope.tenantId, walk.subjectId],
      )) as {
        count: number;
        oldest: Date | null;
        newest: Date | null;
        bytes: number;
      }[];
      walk.bytes.set(category, row!.bytes);
      held.push({
        category,
        description,
        count: row!.count,
        oldest: row!.oldest?.toISOString() ?? null,
        newest: row!.newest?.toISOString() ?? null,
      });
    }
    return held;
  });
}
