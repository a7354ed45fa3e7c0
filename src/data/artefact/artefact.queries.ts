import type { Session } from '../../scope/in-scope.ts';
import { Refusal } from '../../errors.ts';
import type { Artefact } from './artefact.entity.ts';

/** Where an export file lies in the file store. */
export const artefactKey = (tenantId: string, id: string): string => `${tenantId}/artefacts/${id}`;

/** What binds the sealed content to its row. */
export const artefactContext = (tenantId: string, id: string): string => `${tenantId}\nartefacts.content\n${id}`;

const COLUMNS = `id, app_id as "appId", request_id as "requestId", subject_id as "subjectId", covers_app as "coversApp", file_name as "fileName", content_type as "contentType",
  size::float8 as size, sha256, manifest, expires_at as "expiresAt", deleted_at as "deletedAt"`;

export async function findArtefact({ db, scope }: Session, id: string): Promise<Artefact> {
  const [row] = (await db.query(`select ${COLUMNS} from artefacts where tenant_id = $1 and id = $2`, [
    scope.tenantId,
    id,
  ])) as Artefact[];
  if (!row) throw new Refusal('NOT_FOUND', 'No such file in the scope of this token.');
  return row;
}

/** The file that each request made, by request id. A loader's batch. */
export async function artefactsOfRequests(
  { db, scope }: Session,
  requestIds: readonly string[],
): Promise<(Artefact | undefined)[]> {
  const rows = (await db.query(`select ${COLUMNS} from artefacts where tenant_id = $1 and request_id = any ($2)`, [
    scope.tenantId,
    requestIds,
  ])) as Artefact[];
  const found = new Map(rows.map((row) => [row.requestId, row]));
  return requestIds.map((id) => found.get(id));
}
