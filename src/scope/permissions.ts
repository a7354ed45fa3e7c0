/** What a token may be allowed to do: the closed list. Each root field of the schema names one of these. */
export const PERMISSIONS = {
  'data:read': 'Read people, conversations, messages and calls within the scope.',
  'data:write': 'Feed data in: ingest records, edits and deletions.',
  'self:read': 'Read what is held about oneself, and ask for a copy of it.',
  'self:delete': 'Delete messages one sent or received, within the window of the tenant.',
  'rights:read': 'Find a data subject, see what is held about them, and read requests.',
  'rights:request': 'Ask for access and portability for a person in scope, and download the packages.',
  'rights:erase': 'Erase people, conversations and messages.',
  'rights:erase-all': 'Erase whole apps and tenants.',
  'export:app': 'Write a whole app as native NDJSON.',
  'keys:manage': 'Create, list, rotate and revoke API keys within the scope.',
  'tokens:issue': 'Issue tokens within the scope.',
  'apps:read': 'List the apps of the tenant.',
  'apps:manage': 'Create apps.',
  'tenants:manage': 'Create and list tenants (provider only).',
  'audit:read': 'Read, verify and export the audit log.',
  'schema:read': 'Introspect the schema.',
} as const;

export type Permission = keyof typeof PERMISSIONS;
export const ALL_PERMISSIONS = Object.keys(PERMISSIONS) as Permission[];

export const LEVELS = ['user', 'app', 'tenant', 'provider'] as const;
/** How wide a token reaches, narrowest first: one user, one app, one tenant, every tenant one at a time. */
export type Level = (typeof LEVELS)[number];
export const rank = (level: Level): number => LEVELS.indexOf(level);

/** What each level can hold at most, whatever a key or a token claims. */
const USER_LIMIT: readonly Permission[] = ['self:read', 'self:delete', 'schema:read'];
const PROVIDER_ONLY: readonly Permission[] = ['tenants:manage'];

export function limitOf(level: Level): ReadonlySet<Permission> {
  if (level === 'user') return new Set(USER_LIMIT);
  if (level === 'provider') return new Set(ALL_PERMISSIONS);
  return new Set(ALL_PERMISSIONS.filter((permission) => !PROVIDER_ONLY.includes(permission)));
}

export interface Role {
  level: Level;
  description: string;
  permissions: readonly Permission[];
}

/** Presets for `key create --role` and `createApiKey`. */
export const ROLES = {
  DATA_SUBJECT: { level: 'user', description: 'A person, with their own token.', permissions: ['self:read', 'self:delete'] },
  INTEGRATOR: {
    level: 'app',
    description: 'Feeds data in, queries it portably, issues user tokens.',
    permissions: [
      'data:read',
      'data:write',
      'self:read',
      'self:delete',
      'rights:read',
      'rights:request',
      'export:app',
      'tokens:issue',
      'apps:read',
      'schema:read',
    ],
  },
  PRIVACY_OFFICER: {
    level: 'tenant',
    description: 'Finds people, answers their requests, erases.',
    permissions: [
      'data:read',
      'rights:read',
      'rights:request',
      'rights:erase',
      'rights:erase-all',
      'apps:read',
      'audit:read',
      'schema:read',
    ],
  },
  LEGAL_APPROVER: {
    level: 'tenant',
    description: 'Reads requests and the audit log; approves legal exports.',
    permissions: ['rights:read', 'apps:read', 'audit:read', 'schema:read'],
  },
  AUDITOR: {
    level: 'tenant',
    description: 'Reads and verifies the audit log; sees no content.',
    permissions: ['audit:read', 'schema:read'],
  },
  TENANT_ADMIN: {
    level: 'tenant',
    description: 'Runs a tenant: apps, keys and tokens, and everything below.',
    permissions: ALL_PERMISSIONS.filter((permission) => permission !== 'tenants:manage'),
  },
  PROVIDER: {
    level: 'provider',
    description: 'Runs the platform: creates tenants, enters one at a time.',
    permissions: ALL_PERMISSIONS,
  },
} as const satisfies Record<string, Role>;

export type RoleName = keyof typeof ROLES;
export const ROLE_NAMES = Object.keys(ROLES) as RoleName[];
