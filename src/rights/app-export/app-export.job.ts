import { counted, type PackageEntry } from '../../artefacts/package.ts';
import { readByIndex } from '../../database/by-index.ts';
import { readAttachment } from '../../data/attachment/attachment.content.ts';
import { NATIVE_SCHEMA } from '../../intake/ndjson-schema.ts';
import type { RawRecord } from '../../intake/records.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import type { ExportJob, PlanExport } from '../package/export.job.ts';
import { gather } from '../package/gather.ts';
import { FIRST_ID } from '../package/walk.ts';
import { recordsOf, type AppWalk } from './app-walk.ts';
import { openNames } from './names.ts';
import { CONVERSATIONS } from './native-conversations.ts';
import { BUSINESS_LINKS, CALLS, DELIVERIES } from './native-events.ts';
import { filePath, MESSAGES } from './native-messages.ts';
import { USERS } from './native-users.ts';

const TABLES = ['users', 'conversations', 'messages', 'calls', 'delivery_records', 'business_links'] as const;

/** A whole app as native NDJSON (docs/ndjson.md) with its files beside, which `import ndjson` reads back. */
export const planAppExport: PlanExport = async (job) => {
  const { request, system } = job;
  const walk: AppWalk = { job, appId: request.targetId, names: openNames(), leftOut: {} };
  const counts: Record<string, number> = {};
  const madeAt = new Date(system.now()).toISOString();
  const total = await job.read(async ({ db, scope }) => {
    let rows = 0;
    for (const table of TABLES) {
      const [row] = (await db.query(`select count(*)::int as count from ${table} where tenant_id = $1 and app_id = $2`, [
        scope.tenantId,
        walk.appId,
      ])) as { count: number }[];
      rows += row!.count;
    }
    return rows;
  });
  return {
    entries: entries(walk, counts, madeAt),
    manifest: {
      schema: NATIVE_SCHEMA,
      request: { id: request.id, type: request.type, receivedAt: request.receivedAt.toISOString() },
      scope: { tenant: request.tenantId, app: request.appId, level: job.scope.level },
      format: 'NDJSON',
      madeAt,
      counts,
      leftOut: walk.leftOut,
    },
    total: () => total,
  };
};

async function* records(walk: AppWalk): AsyncGenerator<RawRecord> {
  yield* recordsOf(walk, USERS);
  yield* recordsOf(walk, CONVERSATIONS);
  yield* recordsOf(walk, MESSAGES);
  yield* recordsOf(walk, CALLS);
  yield* recordsOf(walk, DELIVERIES);
  yield* recordsOf(walk, BUSINESS_LINKS);
}

async function* entries(walk: AppWalk, counts: Record<string, number>, madeAt: string): AsyncGenerator<PackageEntry> {
  const { rows, count } = counted(records(walk));
  async function* lines(): AsyncGenerator<string> {
    yield `${JSON.stringify({ type: 'header', schema: NATIVE_SCHEMA, exportedAt: madeAt, generator: 'habeas' })}\n`;
    for await (const record of rows) {
      counts[record.type] = (counts[record.type] ?? 0) + 1;
      yield `${JSON.stringify(record)}\n`;
    }
  }
  yield { name: 'data.ndjson', content: gather(lines()), rows: count };
  yield* files(walk.job, walk.appId);
}

interface FileRow {
  id: string;
  owner: string;
  size: string;
}

async function* files({ read, signal, system, scope }: ExportJob, appId: string): AsyncGenerator<PackageEntry> {
  let after = FIRST_ID;
  for (;;) {
    signal.throwIfAborted();
    const rows = await read(async ({ db }) => {
      await readByIndex(db);
      return (await db.query(
        'select id, coalesce(subject_id, conversation_id) as owner, size from attachments where tenant_id = $1 and app_id = $2 and stored and id > $3 order by id limit 500',
        [scope.tenantId, appId, after],
      )) as FileRow[];
    });
    for (const { id, owner, size } of rows) {
      const key = (await read(({ db }) => subjectKeys(system.keys, db, scope.tenantId, [owner]))).get(owner);
      if (!key) continue; // their erasure is at work, and this export will be started again
      const content = async function* (): AsyncGenerator<Buffer> {
        yield* await readAttachment(system.files, key, { tenantId: scope.tenantId, id, size: Number(size) });
      };
      yield { name: filePath(id), content: content() };
    }
    if (!rows.length) return;
    after = rows.at(-1)!.id;
  }
}
