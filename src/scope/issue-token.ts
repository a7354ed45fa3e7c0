import { createSecretKey, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { recordAct } from '../audit/act.ts';
import { Refusal } from '../errors.ts';
import { findKey, isProviderKey, lifeCap, tenantOfKid, type ApiKeyRow } from './api-key.service.ts';
import { inTenant, type Session } from './in-scope.ts';
import { limitOf, rank, type Level, type Permission } from './permissions.ts';
import { PROVIDER_TENANT } from './scope.ts';
import { deniedAs } from './denied-tokens.ts';
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

const missingKey = (): Refusal => new Refusal('NOT_FOUND', 'No such key in the scope of this token.');

/** The key that is to sign, as far as the caller reaches: its own tenant's, or for a provider any tenant's. */
async function signingKey(session: Session, kid: string): Promise<{ row: ApiKeyRow; secret: Buffer }> {
  const keyTenant = tenantOfKid(kid);
  if (!keyTenant || (keyTenant !== session.scope.tenantId && session.scope.level !== 'provider')) throw missingKey();
  const found = await inTenant(session, keyTenant, (inside) => findKey(inside, kid, keyTenant));
  if (!found || found.row.revokedAt) throw missingKey();
  if (typeof found.material === 'string')
    throw new Refusal('INVALID_INPUT', 'kid: a key with a registered public key issues its tokens elsewhere.');
  return { row: found.row, secret: found.material };
}

interface Reach {
  tenantId?: string;
  appId?: string;
  userId?: string;
}

/** Whose rows the token is to reach: within what the key reaches and what the caller reaches, and there. */
async function reachOf(session: Session, row: ApiKeyRow, request: TokenRequest): Promise<Reach> {
  const { scope } = session;
  if (rank(request.level) > rank(row.level))
    throw new Refusal('FORBIDDEN', `level: this key issues tokens of level ${row.level} at most.`);
  if (rank(request.level) > rank(scope.level))
    throw new Refusal('FORBIDDEN', `level: this token issues tokens of level ${scope.level} at most.`);
  if ((request.level === 'user') !== Boolean(request.userId))
    throw new Refusal('INVALID_INPUT', 'userId: given with level user, and only then.');
  if (request.level === 'provider') {
    if (!isProviderKey(row)) throw missingKey();
    if (request.tenantId && request.tenantId !== PROVIDER_TENANT)
      throw new Refusal('INVALID_INPUT', 'tenantId: a provider token belongs to no tenant.');
    return {};
  }
  const tenantId = isProviderKey(row)
    ? (request.tenantId ?? (scope.tenantId === PROVIDER_TENANT ? undefined : scope.tenantId))
    : row.tenantId;
  if (!tenantId) throw new Refusal('INVALID_INPUT', 'tenantId: a provider key enters one tenant at a time; name it.');
  if (request.tenantId && request.tenantId !== tenantId)
    throw new Refusal('FORBIDDEN', 'tenantId: outside the reach of this key.');
  // The provider's key reaches every tenant; who asks, below the provider, reaches one.
  if (scope.level !== 'provider' && tenantId !== scope.tenantId)
    throw new Refusal('FORBIDDEN', 'tenantId: outside the reach of this token.');
  if (request.level === 'tenant') {
    if (request.appId) throw new Refusal('INVALID_INPUT', 'appId: a token of level tenant belongs to no app.');
    return { tenantId };
  }
  const appId = request.appId ?? row.appId ?? scope.appId;
  if (!appId) throw new Refusal('INVALID_INPUT', 'appId: a token of this level belongs to one app.');
  if ((row.appId && row.appId !== appId) || (scope.appId && scope.appId !== appId))
    throw new Refusal('FORBIDDEN', 'appId: outside the reach of this key.');
  return { tenantId, appId, ...(request.userId ? { userId: request.userId } : {}) };
}

/** Refuses a token for a tenant, app or person that is not there. */
async function checkTarget(session: Session, { tenantId, appId, userId }: Reach): Promise<void> {
  if (!tenantId) return;
  await inTenant(session, tenantId, async ({ db }) => {
    const [found] = (await db.query(
      `select exists (select from tenants where tenant_id = $1) as tenant,
         $2::uuid is null or exists (select from apps where tenant_id = $1 and id = $2 and erased_at is null) as app,
         $3::uuid is null or exists (select from users where tenant_id = $1 and app_id = $2 and id = $3 and erased_at is null) as person`,
      [tenantId, appId ?? null, userId ?? null],
    )) as { tenant: boolean; app: boolean; person: boolean }[];
    if (!found?.tenant) throw new Refusal('NOT_FOUND', 'No such tenant in the scope of this token.');
    if (!found.app) throw new Refusal('NOT_FOUND', 'No such app in the scope of this token.');
    if (!found.person) throw new Refusal('NOT_FOUND', 'No such user in the scope of this token.');
  });
}

/** What the token may do: all that key, caller and level allow, or as much of it as was asked for. */
function permissionsOf(session: Session, row: ApiKeyRow, request: TokenRequest): Permission[] {
  const limit = limitOf(request.level);
  // A user token's rights come from the key: who issues it need not hold a data subject's rights itself.
  const mayPassOn = (permission: Permission): boolean => request.level === 'user' || session.scope.permissions.has(permission);
  const allowed = row.permissions.filter((permission) => limit.has(permission) && mayPassOn(permission));
  const wanting = request.permissions?.find((permission) => !allowed.includes(permission));
  if (wanting)
    throw new Refusal(
      'FORBIDDEN',
      `permissions: ${wanting} cannot be given to a token of level ${request.level} by this key and this token.`,
    );
  return request.permissions ? [...new Set(request.permissions)] : allowed;
}

/**
 * Signs a token with a key of the scope's tenant (RFC 7519, HS256). The token may be narrower than the key and than the caller, never wider:
 * level, app, user and permissions are checked against both. The act is recorded with the token's id, never the token.
 */
export async function issueToken(session: Session, request: TokenRequest): Promise<IssuedToken> {
  const { row, secret } = await signingKey(session, request.kid);
  const reach = await reachOf(session, row, request);
  await checkTarget(session, reach);
  const permissions = permissionsOf(session, row, request);
  if (request.subject !== undefined && (request.subject.length < 1 || request.subject.length > 256))
    throw new Refusal('INVALID_INPUT', 'subject: between 1 and 256 characters.');
  const cap = lifeCap(row, request.level);
  const ttl = request.ttlSeconds ?? Math.min(cap, 86_400);
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > cap)
    throw new Refusal('INVALID_INPUT', `ttlSeconds: between 1 and ${cap} for this key and level.`);
  const iat = Math.floor(session.system.now() / 1000);
  const jti = randomUUID();
  const claims = {
    iss: 'habeas',
    aud: TOKEN_AUDIENCE,
    jti,
    iat,
    exp: iat + ttl,
    scope: request.level,
    ...(reach.tenantId ? { tenant: reach.tenantId } : {}),
    ...(reach.appId ? { app: reach.appId } : {}),
    ...(reach.userId ? { user: reach.userId } : {}),
    ...(request.subject ? { sub: request.subject } : {}),
    permissions,
  };
  const token = jwt.sign(claims, createSecretKey(secret), { algorithm: 'HS256', keyid: row.kid });
  const targets = { key: row.kid, jti, level: request.level, ...reach, seconds: ttl };
  await recordAct(session, 'token.issued', targets);
  // A tenant's own log tells of every token that reaches into it, also of those the provider issues.
  if (reach.tenantId && reach.tenantId !== session.scope.tenantId)
    await inTenant(session, reach.tenantId, (inside) => recordAct(inside, 'token.issued', targets));
  return { token, expiresAt: new Date((iat + ttl) * 1000), jti };
}

/** The longest life a token can have: what is denied for so long is denied for good. */
const LONGEST_LIFE_MS = 31_536_000_000;

/**
 * Denies one token by its `jti`, in every process within five seconds, until it would have expired anyway. A token is denied in the tenant
 * of the key that signed it; who acts for one app denies the tokens of that app alone. Of two denials the longer holds.
 */
export async function denyToken(session: Session, jti: string, expiresAt?: Date): Promise<void> {
  const { db, scope, system } = session;
  if (!/^[\x21-\x7e]{1,128}$/.test(jti)) throw new Refusal('INVALID_INPUT', 'jti: 1 to 128 printable characters.');
  const until = expiresAt ?? new Date(system.now() + LONGEST_LIFE_MS);
  if (Number.isNaN(until.getTime())) throw new Refusal('INVALID_INPUT', 'expiresAt: not a time.');
  const name = deniedAs(scope.appId, jti).at(-1);
  // An hour of grace: a clock that runs behind must not let a denied token back in.
  await db.query(`delete from denied_tokens where tenant_id = $1 and expires_at < $2`, [
    scope.tenantId,
    new Date(system.now() - 3_600_000),
  ]);
  // The longer of two denials holds: one that named too early an end must not undo a later one.
  await db.query('delete from denied_tokens where tenant_id = $1 and jti = $2 and expires_at < $3', [
    scope.tenantId,
    name,
    until,
  ]);
  await db.query('insert into denied_tokens (tenant_id, jti, expires_at) values ($1, $2, $3) on conflict do nothing', [
    scope.tenantId,
    name,
    until,
  ]);
  await recordAct(session, 'token.denied', { jti });
}
