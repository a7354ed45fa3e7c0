import { attachmentKey } from '../../data/attachment/attachment.content.ts';
import { attachments } from '../../data/attachment/attachment.holding.ts';
import type { Holding } from '../../data/holding.ts';
import { HOLDINGS } from '../../data/holdings.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { RightsRequest } from '../request.entity.ts';
import type { Step, Walk } from './step.ts';

interface Cursor {
  table: string;
  after: unknown[];
}

const appOf = (request: RightsRequest): string | null => (request.target === 'APP' ? request.targetId : null);

/** Walks every holding of an app, or of a whole tenant, by primary key: each row is visited once, however many other apps' rows lie between. */
export const appWalk: Walk = {
  count: async ({ db, scope }, request) => {
    let total = 0;
    for (const { table } of HOLDINGS) {
      const [row] = (await db.query(
        `select count(*)::int as n from ${table} where tenant_id = $1 and ($2::uuid is null or app_id = $2)`,
        [scope.tenantId, appOf(request)],
      )) as { n: number }[];
      total += row!.n;
    }
    return total;
  },
  // An app that was erased takes in nothing more.
  locksApp: () => false,
  step: async (session, request, limit) => {
    const cursor = request.stage ? (JSON.parse(request.stage) as Cursor) : undefined;
    const from = Math.max(
      0,
      HOLDINGS.findIndex(({ table }) => table === cursor?.table),
    );
    for (const holding of HOLDINGS.slice(from)) {
      const step = await deletePage(session, holding, appOf(request), holding.table === cursor?.table ? cursor.after : [], limit);
      if (step) return step;
    }
    return undefined;
  },
};

async function deletePage(
  { db, scope }: Session,
  holding: Holding,
  appId: string | null,
  after: unknown[],
  limit: number,
): Promise<Step | undefined> {
  const key = holding.key.join(', ');
  const beyond = after.length ? `and (${key}) > (${after.map((_, index) => `$${index + 4}`).join(', ')})` : '';
  const page = (await db.query(
    `select ${key} from ${holding.table} where tenant_id = $1 and ($2::uuid is null or app_id = $2) ${beyond} order by ${key} limit $3`,
    [scope.tenantId, appId, limit, ...after],
  )) as Record<string, unknown>[];
  const last = page.at(-1);
  if (!last) return undefined;
  const upTo = holding.key.map((column) => last[column]);
  const values = [...after, ...upTo];
  const place = (from: number): string => holding.key.map((_, index) => `$${from + index}`).join(', ');
  await db.query(
    `delete from ${holding.table} where tenant_id = $1 and ($2::uuid is null or app_id = $2) ${after.length ? `and (${key}) > (${place(3)})` : ''} and (${key}) <= (${place(3 + after.length)})`,
    [scope.tenantId, appId, ...values],
  );
  const files = holding === attachments ? page.map((row) => attachmentKey(scope.tenantId, String(row['id']))) : [];
  return {
    rows: page.length,
    stage: JSON.stringify({ table: holding.table, after: upTo } satisfies Cursor),
    counts: { [holding.category]: page.length },
    files,
  };
}
