import { createSecretKey, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { Refusal } from '../errors.ts';
import { findKey, isProviderKey, tenantOfKid } from './api-key.service.ts';
import { inScope, type Session } from './in-scope.ts';
import { limitOf, rank, type Level, type Permission } from './permissions.ts';
import { systemScope } from './scope.ts';
import { TOKEN_AUDIENCE } from './token.ts';

export interface TokenRequest {
  kid: string;
  level: Level;
  /** Given where a provider key issues a token for one tenant; otherwise the key's own. */
  tenantId?: string;
  appId?: string;
  userId?: string;
  permissions?: readonly Permission[];
  /** Who will hold it, by whatever name the audit log shall show. */
  subject?: string;
  /** Default: an hour for user tokens, the key's cap otherwise but 24 hours at most. */
  ttlSeconds?: number;
}

export interface IssuedToken {
  token: string;
  expiresAt: Date;
  jti: string;
}

/**
 * Signs a token with a key of the scope's tenant (RFC 7519, HS256). The token may be narrower than the key and than the caller, never wider:
 * level, app, user and permissions are checked against both.
 */
export async function issueToken({ db, scope, system }: Session, request: TokenRequest): Promise<IssuedToken> {
  const keyTenant = tenantOfKid(request.kid);
  const missing = new Refusal('NOT_FOUND', 'No such key in the scope of this token.');
  if (!keyTenant || (keyTenant !== scope.tenantId && scope.level !== 'provider')) throw missing;
  const found = keyTenant === scope.tenantId ? await findKey({ db, system }, request.kid, keyTenant) : await inScope(system, systemScope(keyTenant, scope.requestId), (s) => findKey(s, request.kid, keyTenant));
  if (!found || found.row.revokedAt) throw missing;
  const { row, material } = found;
  if (typeof material === 'string') throw new Refusal('INVALID_INPUT', 'kid: a key with a registered public key issues its tokens elsewhere.');
  if (rank(request.level) > rank(row.level) || rank(request.level) > rank(scope.level)) throw new Refusal('FORBIDDEN', `level: this key issues tokens of level ${row.level} at most.`);
  const appId = request.appId ?? row.appId ?? scope.appId;
  const needsApp = request.level === 'app' || request.level === 'user';
  if (needsApp && !appId) throw new Refusal('INVALID_INPUT', 'appId: a token of this level belongs to one app.');
  if (needsApp && ((row.appId && row.appId !== appId) || (scope.appId && scope.appId !== appId))) throw new Refusal('FORBIDDEN', 'appId: outside the reach of this key.');
  if ((request.level === 'user') !== Boolean(request.userId)) throw new Refusal('INVALID_INPUT', 'userId: given with level user, and only then.');
  const tenantId = request.level === 'provider' ? undefined : isProviderKey(row) ? request.tenantId : row.tenantId;
  if (request.level !== 'provider' && !tenantId) throw new Refusal('INVALID_INPUT', 'tenantId: a provider key enters one tenant at a time; name it.');
  if (request.tenantId && request.tenantId !== tenantId) throw new Refusal('FORBIDDEN', 'tenantId: outside the reach of this key.');
  await checkTarget({ db, scope, system }, tenantId, needsApp ? appId : undefined, request.userId);

  const limit = limitOf(request.level);
  const permissions = (request.permissions ?? row.permissions).filter((permission) => row.permissions.includes(permission) && limit.has(permission));
  const wanting = (request.permissions ?? []).find((permission) => !permissions.includes(permission));
  if (wanting) throw new Refusal('FORBIDDEN', `permissions: ${wanting} cannot be given to a token of level ${request.level} by this key.`);
  const cap = Math.min(row.maxTokenSeconds, request.level === 'user' ? 3600 : row.maxTokenSeconds);
  const ttl = request.ttlSeconds ?? Math.min(cap, 86_400);
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > cap) throw new Refusal('INVALID_INPUT', `ttlSeconds: between 1 and ${cap} for this key and level.`);
  const iat = Math.floor(system.now() / 1000);
  const jti = randomUUID();
  const claims = {
    iss: 'habeas',
    aud: TOKEN_AUDIENCE,
    jti,
    iat,
    exp: iat + ttl,
    scope: request.level,
    ...(tenantId ? { tenant: tenantId } : {}),
    ...(needsApp ? { app: appId } : {}),
    ...(request.userId ? { user: request.userId } : {}),
    ...(request.subject ? { sub: request.subject } : {}),
    permissions,
  };
  const token = jwt.sign(claims, createSecretKey(material), { algorithm: 'HS256', keyid: row.kid });
  return { token, expiresAt: new Date((iat + ttl) * 1000), jti };
}

async function checkTarget(session: Session, tenantId: string | undefined, appId: string | undefined, userId: string | undefined): Promise<void> {
  if (!tenantId) return;
  const look = async ({ db }: Pick<Session, 'db'>): Promise<void> => {
    if (appId) {
      const [app] = (await db.query('select 1 from apps where tenant_id = $1 and id = $2 and erased_at is null', [tenantId, appId])) as unknown[];
      if (!app) throw new Refusal('NOT_FOUND', 'No such app in the scope of this token.');
    }
    if (userId) {
      const [user] = (await db.query('select 1 from users where tenant_id = $1 and app_id = $2 and id = $3 and erased_at is null', [tenantId, appId, userId])) as unknown[];
      if (!user) throw new Refusal('NOT_FOUND', 'No such user in the scope of this token.');
    }
  };
  if (tenantId === session.scope.tenantId) await look(session);
  else await inScope(session.system, systemScope(tenantId, session.scope.requestId), look);
}
