import { hashLinkToken, isLinkToken, newLinkToken } from '../../artefacts/link-token.ts';
import { recordAct } from '../../audit/act.ts';
import { uuidv7 } from '../../database/uuid.ts';
import { Refusal } from '../../errors.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import { findKey, tenantOfKid } from '../../scope/api-key.service.ts';
import { deniedAs, isDenied } from '../../scope/denied-tokens.ts';
import { inScope, type Session } from '../../scope/in-scope.ts';
import { restoreScope, storeScope, systemScope, type Scope, type StoredScope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import { requireId } from '../not-found.ts';
import type { Artefact, DownloadLink } from './artefact.entity.ts';
import { findArtefact } from './artefact.queries.ts';
import { linkName, readLinkName } from './link-name.ts';

/** How long a download that was opened can be resumed. */
const SESSION_MS = 60 * 60_000;

const gone = (message: string): Refusal => new Refusal('EXPIRED', message);
/** One answer for an unknown link and a wrong token. */
const unknown = (): Refusal => new Refusal('NOT_FOUND', 'No such file.');

/** May this scope download it? Whoever may ask for such a file may have it. */
function checkMayDownload(scope: Scope, artefact: Artefact): void {
  const needs = artefact.coversApp ? 'export:app' : scope.level === 'user' ? 'self:read' : 'rights:request';
  if (!scope.permissions.has(needs)) throw new Refusal('FORBIDDEN', `This token does not hold ${needs}.`);
  // Others are named in it, for a reason that is not the person's own to give (docs/package.md).
  if (scope.level === 'user' && artefact.manifest['others'] === 'FULL')
    throw new Refusal('FORBIDDEN', 'The file names other people: it is for whoever asked for it.');
}

function checkLives({ now }: System, artefact: Artefact): void {
  if (artefact.deletedAt || artefact.expiresAt.getTime() <= now()) throw gone('The file has expired.');
}

/** Makes a link that downloads a file once, within HABEAS_LINK_MINUTES; nothing but its hash is kept. */
export async function createLink(session: Session, artefactId: string): Promise<DownloadLink> {
  const { db, scope, system } = session;
  const artefact = await findArtefact(session, requireId(artefactId, 'file'));
  checkMayDownload(scope, artefact);
  checkLives(system, artefact);
  const id = uuidv7(system.now());
  const token = newLinkToken();
  const expiresAt = new Date(system.now() + system.config.linkMinutes * 60_000);
  await db.query(
    'insert into download_links (tenant_id, id, app_id, artefact_id, token_hash, scope, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)',
    [
      scope.tenantId,
      id,
      artefact.appId,
      artefact.id,
      hashLinkToken(token),
      { ...storeScope(scope), tokenId: scope.tokenId },
      new Date(system.now()),
      expiresAt,
    ],
  );
  await recordAct(session, 'link.created', { artefact: artefact.id, link: id });
  const { publicUrl, host, port } = system.config;
  return {
    url: `${publicUrl?.replace(/\/$/, '') ?? `http://${host}:${port}`}/artefacts/${linkName(scope.tenantId, id)}?token=${token}`,
    expiresAt,
  };
}

interface LinkRow {
  id: string;
  artefactId: string;
  tokenHash: Buffer;
  sessionHash: Buffer | null;
  scope: StoredScope;
  expiresAt: Date;
  openedAt: Date | null;
}

/** What a download may now be sent from. */
export interface Opened {
  artefact: Artefact;
  tenantId: string;
  key: Buffer;
  scope: Scope;
  link: string;
  /** The session's secret, as the ETag that a resumption gives in If-Range. Undefined for a HEAD, which opens nothing. */
  session?: string;
}

/**
 * Opens a link. The first time makes a session; later only who gives the session's secret goes on, for an hour. The scope that the link was made
 * in is checked again: its key may be revoked, its token denied, and its rows gone.
 */
export async function openLink(
  system: System,
  name: string,
  token: string,
  how: { open: boolean; session: string | undefined; range: string | undefined },
  requestId: string,
): Promise<Opened> {
  const ids = readLinkName(name);
  if (!ids) throw unknown();
  const link = await inScope(system, systemScope(ids.tenantId, requestId), (session) => readLink(session, ids.linkId));
  if (!link || !isLinkToken(token, link.tokenHash)) throw unknown();
  const scope: Scope = { ...restoreScope(link.scope), tenantId: ids.tenantId, requestId };
  try {
    await checkToken(system, scope);
    return await inScope(system, scope, async (session) => {
      const artefact = await findArtefact(session, link.artefactId);
      checkMayDownload(scope, artefact);
      checkLives(system, artefact);
      const key = await artefactKeyOf(session, artefact);
      const opened: Opened = { artefact, tenantId: ids.tenantId, key, scope, link: link.id };
      if (!how.open) {
        if (link.openedAt || link.expiresAt.getTime() <= system.now())
          throw gone('The link was used, or has expired. Make a new one.');
        return opened;
      }
      opened.session = await enterDownload(session, link, how.session);
      await recordAct(session, 'artefact.downloaded', {
        artefact: artefact.id,
        link: link.id,
        ...(how.range && { range: how.range.slice(0, 64) }),
      });
      return opened;
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await inScope(system, { ...systemScope(ids.tenantId, requestId), keyId: scope.keyId }, (session) =>
      recordAct(session, 'artefact.downloaded', { artefact: link.artefactId, link: link.id, refused: error.code }, 'DENIED'),
    );
    // That a scope no longer reaches a file says nothing about the file.
    throw error.code === 'EXPIRED' ? error : unknown();
  }
}

const readLink = async ({ db, scope }: Session, id: string): Promise<LinkRow | undefined> =>
  (
    (await db.query(
      `select id, artefact_id as "artefactId", token_hash as "tokenHash", session_hash as "sessionHash", scope, expires_at as "expiresAt", opened_at as "openedAt"
       from download_links where tenant_id = $1 and id = $2`,
      [scope.tenantId, id],
    )) as LinkRow[]
  )[0];

/** The key that signed the token that made the link must still be in force, and the token not denied. */
async function checkToken(system: System, { keyId, appId, tokenId, requestId }: Scope): Promise<void> {
  if (keyId === 'cli' || keyId === 'system') return;
  const tenantId = tenantOfKid(keyId);
  const inForce =
    tenantId &&
    (await inScope(system, systemScope(tenantId, requestId), async (session) => {
      const found = await findKey(session, keyId, tenantId);
      return found && !found.row.revokedAt && !(tokenId && (await isDenied(session, deniedAs(appId, tokenId))));
    }));
  if (!inForce) throw unknown();
}

/** Without its key a file cannot be read; a person who was erased has no file, even if their erasure has not got to it yet. */
async function artefactKeyOf({ db, scope, system }: Session, artefact: Artefact): Promise<Buffer> {
  const key = (await subjectKeys(system.keys, db, scope.tenantId, [artefact.id])).get(artefact.id);
  if (!key) throw gone('The file was deleted.');
  if (artefact.subjectId) {
    const rows = (await db.query('select 1 from users where tenant_id = $1 and id = $2 and erased_at is null', [
      scope.tenantId,
      artefact.subjectId,
    ])) as unknown[];
    if (!rows.length) throw gone('The file was deleted.');
  }
  return key;
}

/** Opens the link for the first time, or goes on with a download that its session's secret proves. */
async function enterDownload({ db, scope, system }: Session, link: LinkRow, secret: string | undefined): Promise<string> {
  const now = system.now();
  if (link.openedAt) {
    if (secret && link.sessionHash && isLinkToken(secret, link.sessionHash) && now < link.openedAt.getTime() + SESSION_MS)
      return secret;
    throw gone('The link was used. Make a new one.');
  }
  if (link.expiresAt.getTime() <= now) throw gone('The link has expired. Make a new one.');
  const session = newLinkToken();
  const [, opened] = (await db.query(
    'update download_links set opened_at = $3, session_hash = $4 where tenant_id = $1 and id = $2 and opened_at is null',
    [scope.tenantId, link.id, new Date(now), hashLinkToken(session)],
  )) as [unknown[], number];
  if (!opened) throw gone('The link was used. Make a new one.');
  return session;
}
