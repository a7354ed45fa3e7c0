import type { Session } from '../../scope/in-scope.ts';
import type { System } from '../../system.ts';
import { keepsIds, type CatalogueTable } from './catalogue.queries.ts';
import type { ResidualFinding } from './residual.entity.ts';

/** What stays of an erased app or tenant: that it was there, under which name, and which keys it had (revoked). No person among it. */
const STAYS = new Set(['tenants', 'tenant_directory', 'apps', 'api_keys', 'denied_tokens']);

/** Counts the rows that are left of an app, or of the whole tenant, in every table that is no evidence. */
export async function leftOverRows(
  { db, scope }: Session,
  tables: readonly CatalogueTable[],
  appId: string | null,
): Promise<ResidualFinding[]> {
  const findings: ResidualFinding[] = [];
  for (const table of tables) {
    if (!table.byTenant || (appId && !table.byApp) || keepsIds(table) || STAYS.has(table.name)) continue;
    const [row] = (await db.query(
      `select count(*)::int as count from ${table.sql} where tenant_id = $1 ${appId ? 'and app_id = $2' : ''}`,
      [scope.tenantId, ...(appId ? [appId] : [])],
    )) as { count: number }[];
    if (row!.count) findings.push({ place: table.name, kind: 'ROW', count: row!.count });
  }
  return findings;
}

/** Of a tenant's files only the ledger and the audit log's checkpoints stay. */
export async function leftOverFiles(system: System, tenantId: string): Promise<ResidualFinding[]> {
  let count = 0;
  for (const folder of ['attachments', 'artefacts'])
    for await (const _name of system.files.list(`${tenantId}/${folder}`)) count += 1;
  return count ? [{ place: 'files', kind: 'BYTES', count }] : [];
}
