import { recordAct } from '../../audit/act.ts';
import { destroySubjectKeys } from '../../keys/keyring.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { Artefact } from './artefact.entity.ts';
import { artefactKey } from './artefact.queries.ts';

export type NewArtefact = Omit<Artefact, 'deletedAt'> & {
  /** Everybody whose words or name the file holds: it is deleted when one of them is erased. Not kept for a file that covers the whole app. */
  people: readonly string[];
};

const SUBJECTS_A_STATEMENT = 10_000;

/** Records a file that lies in the store. In the transaction that ends its job: before, the file is a ghost that the sweep removes. */
export async function recordArtefact({ db, scope }: Session, artefact: NewArtefact): Promise<void> {
  await db.query(
    `insert into artefacts (tenant_id, id, app_id, request_id, subject_id, covers_app, file_name, content_type, size, sha256, manifest, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      scope.tenantId,
      artefact.id,
      artefact.appId,
      artefact.requestId,
      artefact.subjectId,
      artefact.coversApp,
      artefact.fileName,
      artefact.contentType,
      artefact.size,
      artefact.sha256,
      artefact.manifest,
      artefact.expiresAt,
    ],
  );
  for (let from = 0; from < artefact.people.length; from += SUBJECTS_A_STATEMENT) {
    await db.query(
      'insert into artefact_subjects (tenant_id, artefact_id, app_id, subject_id) select $1, $2, $3, unnest($4::uuid[])',
      [scope.tenantId, artefact.id, artefact.appId, artefact.people.slice(from, from + SUBJECTS_A_STATEMENT)],
    );
  }
}

/**
 * Deletes export files: the content first, then, in the caller's transaction, their keys, links and list of people; the row stays as evidence.
 * If the transaction fails, the content is gone all the same, and deleting again mends the row.
 */
export async function deleteArtefacts(session: Session, ids: readonly string[], why: 'expired' | 'erased'): Promise<void> {
  if (!ids.length) return;
  const { db, scope, system } = session;
  for (const id of ids) await system.files.remove(artefactKey(scope.tenantId, id));
  await destroySubjectKeys(system.keys, db, scope.tenantId, ids);
  await db.query('delete from artefact_subjects where tenant_id = $1 and artefact_id = any ($2)', [scope.tenantId, ids]);
  await db.query('delete from download_links where tenant_id = $1 and artefact_id = any ($2)', [scope.tenantId, ids]);
  await db.query('update artefacts set deleted_at = $3 where tenant_id = $1 and id = any ($2) and deleted_at is null', [
    scope.tenantId,
    ids,
    new Date(system.now()),
  ]);
  await recordAct(session, `artefact.${why}`, { artefacts: ids });
}
