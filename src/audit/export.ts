import { readByIndex } from '../database/by-index.ts';
import { columnsAgree, LOG_SCHEMA } from './log-format.ts';
import type { LogLine } from './log-format.ts';
import type { Checkpoint } from './checkpoint.ts';
import { newestCheckpoint, readCheckpoints } from './stored-tree.ts';
import type { Db } from '../database/db.ts';

const PAGE = 1000;

/** What was exported; the same numbers are on the log's last line. */
export interface LogCounts {
  sealed: number;
  unsealed: number;
  checkpoints: number;
}

/**
 * Writes a tenant's log, NDJSON (`log-format.ts`), a line at a time, in constant memory. The scope is the whole tenant. What is sealed
 * while this runs is left to the next log: this one ends at the newest checkpoint of when it began.
 */
export async function exportLog(db: Db, tenantId: string, write: (line: string) => Promise<void>): Promise<LogCounts> {
  await readByIndex(db);
  // The leaves first: the checkpoint read after them covers them. Where checkpoints were deleted there are leaves beyond the newest one,
  // and they are shown, for a verifier to stumble over.
  const [top] = (await db.query('select coalesce(max(leaf_index) + 1, 0) as size from audit_leaves where tenant_id = $1', [
    tenantId,
  ])) as [{ size: string }];
  const newest = await newestCheckpoint(db, tenantId);
  const counts: LogCounts = { sealed: 0, unsealed: 0, checkpoints: 0 };
  const put = (line: LogLine) => write(`${JSON.stringify(line)}\n`);
  await put({ type: 'header', schema: LOG_SCHEMA, tenant: tenantId, publicKey: newest?.publicKey ?? null });
  for await (const row of pages<SealedRow>(db, SEALED, [tenantId, Math.max(Number(top.size), newest?.size ?? 0)], '-1')) {
    const leaf = { leafIndex: Number(row.key), leafHash: row.leaf_hash.toString('hex') };
    await put({ type: 'entry', ...leaf, id: row.id, body: row.body, ...differing(row) });
    counts.sealed += 1;
  }
  for await (const checkpoint of checkpoints(db, tenantId, newest?.size ?? 0)) {
    await put({ type: 'checkpoint', ...checkpoint });
    counts.checkpoints += 1;
  }
  for (const [sql, waiting] of [[WAITING, true] as const, [STRAY, false] as const]) {
    for await (const row of pages<EntryRow>(db, sql, [tenantId], NO_ID)) {
      await put({ type: 'unsealed', id: row.id, body: row.body, waiting, ...differing(row) });
      counts.unsealed += 1;
    }
  }
  await put({ type: 'end', ...counts });
  return counts;
}

interface EntryRow {
  /** What the next page starts after. */
  key: string;
  id: string;
  body: string | null;
  columns: Record<string, unknown> | null;
}

interface SealedRow extends EntryRow {
  leaf_hash: Buffer;
}

const NO_ID = '00000000-0000-0000-0000-000000000000';

/** The entry as its columns tell it; what has no value is left out, but for what `targets` holds. */
const COLUMNS = `case when e.id is null then null else jsonb_strip_nulls(jsonb_build_object(
  'id', e.id, 'tenantId', e.tenant_id, 'at', to_char(e.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  'actor', jsonb_build_object('key', e.actor_key, 'subject', e.actor_subject, 'scope', e.actor_scope,
                              'app', e.actor_app, 'user', e.actor_user),
  'act', e.act, 'outcome', e.outcome, 'requestId', e.request_id)) || jsonb_build_object('targets', e.targets) end as columns`;

const SEALED = `
  select l.leaf_index as key, l.leaf_hash, l.entry_id as id, e.body, ${COLUMNS}
  from audit_leaves l left join audit_entries e on e.tenant_id = l.tenant_id and e.id = l.entry_id
  where l.tenant_id = $2 and l.leaf_index < $3 and l.leaf_index > $1 order by l.leaf_index limit ${PAGE}`;

/** What waits to be sealed; without its entry where somebody removed that. */
const WAITING = `
  select p.entry_id as key, p.entry_id as id, e.body, ${COLUMNS}
  from audit_pending p left join audit_entries e on e.tenant_id = p.tenant_id and e.id = p.entry_id
  where p.tenant_id = $2 and p.entry_id > $1 order by p.entry_id limit ${PAGE}`;

/** Entries neither sealed nor waiting: nobody who wrote through `record` left one. */
const STRAY = `
  select e.id as key, e.id, e.body, ${COLUMNS}
  from audit_entries e
  where e.tenant_id = $2 and e.id > $1
    and not exists (select from audit_pending p where p.tenant_id = e.tenant_id and p.entry_id = e.id)
    and not exists (select from audit_leaves l where l.tenant_id = e.tenant_id and l.entry_id = e.id)
  order by e.id limit ${PAGE}`;

/** Rows of a statement whose $1 is the key to start after. */
async function* pages<Row extends EntryRow>(db: Db, sql: string, parameters: unknown[], start: string): AsyncGenerator<Row> {
  let after = start;
  for (;;) {
    const rows: Row[] = await db.query(sql, [after, ...parameters]);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.key;
  }
}

async function* checkpoints(db: Db, tenantId: string, size: number): AsyncGenerator<Checkpoint> {
  let after = -1;
  for (;;) {
    const where = 'where tenant_id = $1 and size > $2 and size <= $3 order by size limit 20';
    const page = await readCheckpoints(db, where, [tenantId, after, size]);
    yield* page;
    const last = page.at(-1);
    if (!last) return;
    after = last.size;
  }
}

function differing({ columns, body }: EntryRow): { columns?: unknown } {
  return columns === null || body === null || columnsAgree(columns, body) ? {} : { columns };
}
