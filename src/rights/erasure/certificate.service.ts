import { canonicalJson } from '../../audit/canonical.ts';
import { openSigner } from '../../audit/signer.ts';
import { Refusal } from '../../errors.ts';
import type { Session } from '../../scope/in-scope.ts';
import { RequestStatus, RequestType } from '../request.entity.ts';
import { findRequest } from '../request.service.ts';
import type { ErasureCertificate } from './certificate.entity.ts';
import type { Residual } from './residual.entity.ts';

/**
 * The certificate of a finished erasure: what was asked, when it became unreadable and was gone, how much went, what the scan found, and which entries
 * of the audit log say so. Signed by the key that signs the log's checkpoints. Ids and counts only: it may outlive the person's data.
 */
export async function erasureCertificate(session: Session, requestId: string): Promise<ErasureCertificate> {
  const request = await findRequest(session, requestId);
  if (request.type !== RequestType.ERASURE) throw new Refusal('INVALID_INPUT', 'requestId: not an erasure.');
  if (![RequestStatus.COMPLETED, RequestStatus.PARTIALLY_COMPLETED].includes(request.status))
    throw new Refusal('UNAVAILABLE', 'The erasure is not finished: its certificate comes with its end.');
  const residual = await residualOf(session, requestId);
  const text = canonicalJson({
    format: 'habeas erasure certificate 1',
    tenant: request.tenantId,
    app: request.appId,
    request: request.id,
    target: request.target,
    targetId: request.targetId,
    subject: request.subjectId,
    ground: request.ground,
    status: request.status,
    receivedAt: request.receivedAt,
    unreadableAt: request.unreadableAt,
    completedAt: request.completedAt,
    counts: request.counts,
    residual: residual && { total: residual.total, findings: residual.findings, scannedAt: residual.scannedAt },
    mentionsInFreeText: residual?.mentions?.count ?? null,
    auditEntries: request.options['auditEntries'] ?? [],
  });
  const signer = await openSigner(session.system.config.keys);
  return { text, keyId: signer.keyId, publicKey: signer.publicKey, signature: signer.sign(text).toString('base64') };
}

export async function residualOf({ db, scope }: Session, requestId: string): Promise<Residual | null> {
  const [row] = (await db.query('select residual from requests where tenant_id = $1 and id = $2', [
    scope.tenantId,
    requestId,
  ])) as { residual: Residual | null }[];
  return row?.residual ?? null;
}

/** A loader's batch: what the scans of requests found. */
export async function residualsOf({ db, scope }: Session, requestIds: readonly string[]): Promise<(Residual | undefined)[]> {
  const rows = (await db.query('select id, residual from requests where tenant_id = $1 and id = any ($2)', [
    scope.tenantId,
    requestIds,
  ])) as { id: string; residual: Residual | null }[];
  const found = new Map(
    rows.map((row) => [
      row.id,
      row.residual ? Object.assign(row.residual, { scannedAt: new Date(row.residual.scannedAt) }) : undefined,
    ]),
  );
  return requestIds.map((id) => found.get(id));
}
