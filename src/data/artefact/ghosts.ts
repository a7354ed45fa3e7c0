import { validate as isUuid } from 'uuid';
import { inScope } from '../../scope/in-scope.ts';
import { systemScope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';

const GRACE_MS = 60 * 60_000;
const A_BATCH = 1000;

/** Which ids of a kind of file have a row that needs it. */
const LIVING: Readonly<Record<string, string>> = {
  artefacts: 'select id from artefacts where tenant_id = $1 and id = any ($2) and deleted_at is null',
  attachments: 'select id from attachments where tenant_id = $1 and id = any ($2) and stored',
};

/**
 * Removes files that no row knows: a writer was killed between the file and its row, or a remover between the row and its file. A file
 * that is younger than an hour may still get its row.
 */
export async function sweepGhosts(system: System, tenantId: string, signal: AbortSignal): Promise<number> {
  let swept = 0;
  for (const [kind, living] of Object.entries(LIVING)) {
    let batch: string[] = [];
    const sweepBatch = async (): Promise<void> => {
      swept += await sweep(system, tenantId, kind, living, batch);
      batch = [];
    };
    for await (const key of system.files.list(`${tenantId}/${kind}`)) {
      batch.push(key.slice(key.lastIndexOf('/') + 1));
      if (batch.length < A_BATCH) continue;
      signal.throwIfAborted();
      await sweepBatch();
    }
    if (batch.length) await sweepBatch();
  }
  if (swept) system.log.info({ tenant: tenantId, files: swept }, 'files without a row were removed');
  return swept;
}

async function sweep(system: System, tenantId: string, kind: string, living: string, ids: readonly string[]): Promise<number> {
  const young = system.now() - GRACE_MS;
  const old: string[] = [];
  for (const id of ids) {
    const written = await system.files.writtenAt(`${tenantId}/${kind}/${id}`).catch(() => undefined); // somebody else may remove it meanwhile
    if (isUuid(id) && written && written.getTime() < young) old.push(id);
  }
  if (!old.length) return 0;
  const rows = (await inScope(system, systemScope(tenantId, 'sweep'), ({ db }) => db.query(living, [tenantId, old]))) as {
    id: string;
  }[];
  const known = new Set(rows.map((row) => row.id));
  let swept = 0;
  for (const id of old) if (!known.has(id) && (await system.files.remove(`${tenantId}/${kind}/${id}`))) swept += 1;
  return swept;
}
