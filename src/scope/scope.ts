import type { Level, Permission } from './permissions.ts';

/** The provider's own keys and audit entries belong to this tenant, which holds no data. */
export const PROVIDER_TENANT = '00000000-0000-0000-0000-000000000000';

/** Who is acting, on whose rows, and with which permissions: what is left of a token once it was verified against its key. */
export interface Scope {
  level: Level;
  tenantId: string;
  /** Set for levels app and user. */
  appId?: string;
  /** Set for level user. */
  userId?: string;
  permissions: ReadonlySet<Permission>;
  /** The key that signed the token, or `cli` for a command on the machine itself, `system` for the server's own work. */
  keyId: string;
  /** The token's `jti`, by which it can be denied. */
  tokenId?: string;
  /** The token's `sub`: who, by the name the key's holder uses. */
  subject?: string;
  requestId: string;
}

/** A scope as a job stores it, to re-enter it later. */
export type StoredScope = Omit<Scope, 'permissions'> & { permissions: Permission[] };

/** Without the token's id, which may be made of a person's own: what is stored outlives them. */
export function storeScope(scope: Scope): StoredScope {
  const stored = { ...scope, permissions: [...scope.permissions] };
  delete stored.tokenId;
  return stored;
}
export const restoreScope = (stored: StoredScope): Scope => ({ ...stored, permissions: new Set(stored.permissions) });

/** The scope of the server's own work on one tenant (sealing, expiry): no token stands behind it. */
export function systemScope(tenantId: string, requestId: string): Scope {
  return { level: 'tenant', tenantId, permissions: new Set(), keyId: 'system', requestId };
}
