import { randomBytes } from 'node:crypto';
import { sqlState } from '../database/db.ts';
import { Refusal } from '../errors.ts';
import { requireTenantKey, tenantKey } from '../keys/keyring.ts';
import { seal, unseal } from '../keys/sealed-value.ts';
import type { Session } from './in-scope.ts';
import { limitOf, rank, type Level, type Permission } from './permissions.ts';
import { checkPublicKey } from './public-key.ts';
import { PROVIDER_TENANT } from './scope.ts';

export const ALGORITHMS = ['HS256', 'RS256', 'ES256'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** A key row as the verifier uses it; `material` is the HMAC secret, or the public key or pinned key set as text. */
export interface ApiKeyRow {
  kid: string;
  tenantId: string;
  appId: string | null;
  level: Level;
  name: string;
  permissions: Permission[];
  algorithm: Algorithm;
  maxTokenSeconds: number;
  createdAt: Date;
  revokedAt: Date | null;
  /** The key that `rotateApiKey` made to follow this one. */
  replacedBy: string | null;
}

export interface KeyRequest {
  name: string;
  level: Level;
  appId?: string;
  permissions: readonly Permission[];
  algorithm?: Algorithm;
  /** For RS256 and ES256: the public key as PEM (SPKI), or an identity provider's JWK Set, pinned (public-key.ts). */
  publicKey?: string;
  maxTokenSeconds?: number;
}

/** A data subject's token lives an hour at most, whoever signs it: it is carried by a phone or a browser. */
const USER_TOKEN_SECONDS = 3600;
const DEFAULT_TOKEN_SECONDS = 86_400;
const MAX_TOKEN_SECONDS = 31_536_000;

/** How long a token of a level may live under a key, in seconds. */
export const lifeCap = (key: Pick<ApiKeyRow, 'maxTokenSeconds'>, level: Level): number =>
  level === 'user' ? Math.min(key.maxTokenSeconds, USER_TOKEN_SECONDS) : key.maxTokenSeconds;

/** A kid starts with its tenant, so that a key is found by entering that tenant alone. */
function newKid(tenantId: string): string {
  return `hk_${Buffer.concat([Buffer.from(tenantId.replaceAll('-', ''), 'hex'), randomBytes(12)]).toString('base64url')}`;
}

export function tenantOfKid(kid: string): string | undefined {
  if (!/^hk_[\w-]{38}$/.test(kid)) return undefined;
  const hex = Buffer.from(kid.slice(3), 'base64url').subarray(0, 16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const within = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

/** Checks that a key asked for is not wider than the scope that asks. */
function checkWithin({ scope }: Session, request: KeyRequest): void {
  // A provider's reach comes with a key of the provider's own tenant; one made while inside a tenant would carry it there.
  if (request.level === 'provider' && scope.tenantId !== PROVIDER_TENANT)
    throw new Refusal('FORBIDDEN', 'level: a provider key belongs to no tenant.');
  if (rank(request.level) > rank(scope.level))
    throw new Refusal('FORBIDDEN', 'A key cannot reach wider than the token that creates it.');
  if (scope.appId && request.appId !== scope.appId)
    throw new Refusal('FORBIDDEN', 'A key cannot reach wider than the token that creates it.');
  const allowed = limitOf(request.level);
  for (const permission of request.permissions) {
    if (!allowed.has(permission))
      throw new Refusal('INVALID_INPUT', `permissions: ${permission} cannot be held at level ${request.level}.`);
    if (!scope.permissions.has(permission))
      throw new Refusal('FORBIDDEN', `permissions: this token does not hold ${permission}, so it cannot pass it on.`);
  }
  const needsApp = request.level === 'app' || request.level === 'user';
  if (needsApp !== Boolean(request.appId))
    throw new Refusal(
      'INVALID_INPUT',
      needsApp ? 'appId: a key of this level belongs to one app.' : 'appId: a key of this level belongs to no app.',
    );
}

function checkShape(request: KeyRequest): void {
  if (!within(request.name.trim().length, 1, 200)) throw new Refusal('INVALID_INPUT', 'name: between 1 and 200 characters.');
  if (((request.algorithm ?? 'HS256') === 'HS256') === Boolean(request.publicKey))
    throw new Refusal('INVALID_INPUT', 'publicKey: given with RS256 and ES256, and only then.');
  if (request.maxTokenSeconds !== undefined && !within(request.maxTokenSeconds, 60, MAX_TOKEN_SECONDS))
    throw new Refusal('INVALID_INPUT', 'maxTokenSeconds: between 60 and 31,536,000 seconds.');
}

/** Creates an API key in the scope's tenant. The secret is answered this once and kept sealed. */
export async function createApiKey(session: Session, request: KeyRequest): Promise<{ key: ApiKeyRow; secret: string | null }> {
  checkShape(request);
  checkWithin(session, request);
  const { db, scope, system } = session;
  const algorithm = request.algorithm ?? 'HS256';
  const publicKey = request.publicKey ? checkPublicKey(algorithm, request.publicKey) : null;
  const kid = newKid(scope.tenantId);
  // The HMAC key is the text itself, so that any JWT library signs with what was shown.
  const secret = publicKey ? null : Buffer.from(randomBytes(48).toString('base64url'));
  const parent = await requireTenantKey(system.keys, db, scope.tenantId);
  const sealed =
    secret && seal(parent, { tenantId: scope.tenantId, subjectId: scope.tenantId, column: 'api_keys.secret', row: kid }, secret);
  const maxTokenSeconds = request.maxTokenSeconds ?? (request.level === 'user' ? USER_TOKEN_SECONDS : DEFAULT_TOKEN_SECONDS);
  const permissions = [...new Set(request.permissions)];
  if (request.appId) {
    const [app] = (await db.query('select 1 from apps where tenant_id = $1 and id = $2 and erased_at is null', [
      scope.tenantId,
      request.appId,
    ])) as unknown[];
    if (!app) throw new Refusal('NOT_FOUND', 'No such app in the scope of this token.');
  }
  try {
    const [row] = (await db.query(
      `insert into api_keys (tenant_id, kid, app_id, level, name, permissions, algorithm, secret, public_key, max_token_seconds)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning created_at`,
      [
        scope.tenantId,
        kid,
        request.appId ?? null,
        request.level,
        request.name.trim(),
        permissions,
        algorithm,
        sealed,
        publicKey,
        maxTokenSeconds,
      ],
    )) as { created_at: Date }[];
    const key: ApiKeyRow = {
      kid,
      tenantId: scope.tenantId,
      appId: request.appId ?? null,
      level: request.level,
      name: request.name.trim(),
      permissions,
      algorithm,
      maxTokenSeconds,
      createdAt: row!.created_at,
      revokedAt: null,
      replacedBy: null,
    };
    return { key, secret: secret ? secret.toString('utf8') : null };
  } catch (error) {
    if (sqlState(error) === '42501') throw new Refusal('FORBIDDEN', 'A key cannot reach wider than the token that creates it.');
    throw error;
  }
}

const COLUMNS = `kid, tenant_id as "tenantId", app_id as "appId", level, name, permissions, algorithm, max_token_seconds as "maxTokenSeconds",
  created_at as "createdAt", revoked_at as "revokedAt", replaced_by as "replacedBy"`;

export async function listApiKeys({ db, scope }: Session): Promise<ApiKeyRow[]> {
  return (await db.query(`select ${COLUMNS} from api_keys where tenant_id = $1 order by created_at, kid`, [
    scope.tenantId,
  ])) as ApiKeyRow[];
}

/** Revokes a key: every token it signed is refused within five seconds, in every process. Revoking twice changes nothing. */
export async function revokeApiKey(session: Session, kid: string): Promise<ApiKeyRow> {
  const { db, scope } = session;
  const [rows] = (await db.query(
    `update api_keys set revoked_at = coalesce(revoked_at, now()) where tenant_id = $1 and kid = $2 returning ${COLUMNS}`,
    [scope.tenantId, kid],
  )) as [ApiKeyRow[], number];
  if (!rows[0]) throw new Refusal('NOT_FOUND', 'No such key in the scope of this token.');
  return rows[0];
}

/** Makes a new key with the same reach as an old one, which goes on working until it is revoked. */
export async function rotateApiKey(session: Session, kid: string): Promise<{ key: ApiKeyRow; secret: string | null }> {
  const { db, scope } = session;
  const [old] = (await db.query(`select ${COLUMNS} from api_keys where tenant_id = $1 and kid = $2 and revoked_at is null`, [
    scope.tenantId,
    kid,
  ])) as ApiKeyRow[];
  if (!old) throw new Refusal('NOT_FOUND', 'No such key in the scope of this token.');
  if (old.algorithm !== 'HS256')
    throw new Refusal('INVALID_INPUT', 'kid: a key with a registered public key is rotated by registering the new public key.');
  const { name, level, permissions, maxTokenSeconds, appId } = old;
  const made = await createApiKey(session, { name, level, permissions, maxTokenSeconds, ...(appId ? { appId } : {}) });
  await db.query('update api_keys set replaced_by = $3 where tenant_id = $1 and kid = $2', [scope.tenantId, kid, made.key.kid]);
  return made;
}

/** The key of a kid with what verifies its signatures; undefined where there is none, or its tenant or app was erased. */
export async function findKey(
  { db, system }: Pick<Session, 'db' | 'system'>,
  kid: string,
  tenantId: string,
): Promise<{ row: ApiKeyRow; material: Buffer | string } | undefined> {
  const [row] = (await db.query(
    `select ${COLUMNS}, secret, public_key as "publicKey" from api_keys where tenant_id = $1 and kid = $2
       and (app_id is null or exists (select from apps where apps.tenant_id = $1 and apps.id = app_id and erased_at is null))`,
    [tenantId, kid],
  )) as (ApiKeyRow & { secret: Buffer | null; publicKey: string | null })[];
  if (!row) return undefined;
  const { secret, publicKey, ...key } = row;
  // An erased tenant has no key: whoever signs for it, signs for nothing.
  const parent = await tenantKey(system.keys, db, tenantId);
  if (!parent) return undefined;
  if (publicKey) return { row: key, material: publicKey };
  return { row: key, material: unseal(parent, { tenantId, subjectId: tenantId, column: 'api_keys.secret', row: kid }, secret!) };
}

export const isProviderKey = (row: ApiKeyRow): boolean => row.tenantId === PROVIDER_TENANT && row.level === 'provider';
