import { HOLDINGS } from '../../data/holdings.ts';
import type { Walk } from './step.ts';

const indexOf = (table: string | null): number =>
  Math.max(
    0,
    HOLDINGS.findIndex((holding) => holding.table === table),
  );

/** Walks the holdings in their order: what hangs on a row before the row, the person last. */
export const userWalk: Walk = {
  count: async ({ db, scope }, { targetId }) => {
    let total = 0;
    for (const { table, find } of HOLDINGS) {
      const [row] = (await db.query(`select count(*)::int as n from ${table} where tenant_id = $1 and ${find}`, [
        scope.tenantId,
        targetId,
      ])) as { n: number }[];
      total += row!.n;
    }
    return total;
  },
  // The messages of a personal conversation that are nobody's go with it.
  locksApp: ({ stage }) => indexOf(stage) <= indexOf('conversations'),
  step: async (session, { targetId, stage }, limit) => {
    for (const holding of HOLDINGS.slice(indexOf(stage))) {
      const { rows, counts, files } = await holding.erase(session, targetId, limit);
      if (rows)
        return { rows, stage: holding.table, counts: { [holding.category]: rows, ...counts }, ...(files ? { files } : {}) };
    }
    return undefined;
  },
};
