import { deleteArtefacts } from '../../data/artefact/artefact.service.ts';
import type { Session } from '../../scope/in-scope.ts';

/** Deletes the export files that hold any of these people, or the whole app that they are people of. Answers how many. */
export async function deleteExportsOf(session: Session, appId: string, people: readonly string[]): Promise<number> {
  return deleteWhere(
    session,
    `(id in (select s.artefact_id from artefact_subjects s where s.tenant_id = $1 and s.subject_id = any ($3)) or subject_id = any ($3) or (covers_app and app_id = $2))`,
    [appId, people],
  );
}

/** Deletes every export file of an app, or of the whole tenant. */
export async function deleteAllExports(session: Session, appId: string | null): Promise<number> {
  return deleteWhere(session, '($2::uuid is null or app_id = $2)', [appId]);
}

async function deleteWhere(session: Session, condition: string, parameters: unknown[]): Promise<number> {
  const { db, scope } = session;
  const rows = (await db.query(
    `select id from artefacts where tenant_id = $1 and deleted_at is null and ${condition} for update`,
    [scope.tenantId, ...parameters],
  )) as { id: string }[];
  await deleteArtefacts(
    session,
    rows.map((row) => row.id),
    'erased',
  );
  return rows.length;
}
