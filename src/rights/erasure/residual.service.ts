import { inScope } from '../../scope/in-scope.ts';
import type { Scope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import { RequestTarget, type RightsRequest } from '../request.entity.ts';
import { keepsIds, readCatalogue } from './catalogue.queries.ts';
import { findMentions } from './free-text-scan.ts';
import { scanFiles } from './file-scan.ts';
import { leftOverFiles, leftOverRows } from './left-over.ts';
import { openNeedles, sought } from '../needles.ts';
import type { Residual, ResidualFinding } from './residual.entity.ts';
import { scanTable } from './table-scan.ts';

/**
 * Looks for what was to be gone. After a person, a conversation or a message: for everything it was known by, in every table the catalogue knows
 * (rows, jobs, audit), and in names and content of files. After an app or a tenant, whose people are too many to look for by name: for any row at all.
 */
export async function scanResidual(
  system: System,
  scope: Scope,
  request: RightsRequest,
  batch: number,
  signal: AbortSignal,
): Promise<Residual> {
  const tables = await inScope(system, scope, readCatalogue);
  const findings: ResidualFinding[] = [];
  let mentions: Residual['mentions'];
  if (request.target === RequestTarget.APP || request.target === RequestTarget.TENANT) {
    findings.push(
      ...(await inScope(system, scope, (session) =>
        leftOverRows(session, tables, request.target === RequestTarget.APP ? request.targetId : null),
      )),
    );
    if (request.target === RequestTarget.TENANT) findings.push(...(await leftOverFiles(system, scope.tenantId)));
  } else {
    const kept = (await inScope(system, scope, (session) => openNeedles(session, request.id))) ?? {
      needles: [{ kind: 'ID', value: request.targetId }],
      conversations: [],
    };
    const everywhere = sought(kept.needles);
    // Where evidence is kept, the ids that Habeas gave may stay.
    const inEvidence = sought(kept.needles.filter(({ kind }) => kind !== 'ID'));
    for (const table of kept.needles.length ? tables : []) {
      const wanted = keepsIds(table) ? inEvidence : everywhere;
      findings.push(...(await scanTable(system, scope, table, wanted, batch, signal)));
    }
    findings.push(...(await scanFiles(system, scope.tenantId, kept.needles, signal)));
    if (request.options['deepScan'] === true) mentions = await findMentions(system, scope, kept, signal);
  }
  return {
    total: findings.reduce((sum, { count }) => sum + count, 0),
    findings: findings.sort((a, b) => (`${a.place} ${a.kind}` < `${b.place} ${b.kind}` ? -1 : 1)),
    scannedAt: new Date(system.now()).toISOString(),
    ...(mentions ? { mentions } : {}),
  };
}
