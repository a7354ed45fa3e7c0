import { Arg, Authorized, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { recordAct } from '../audit/act.ts';
import { Refusal } from '../errors.ts';
import { ApiKey, CreatedApiKey, KeyAlgorithm, Role, RolePreset, ScopeLevel } from './api-key.entity.ts';
import { createApiKey, listApiKeys, revokeApiKey, rotateApiKey, type Algorithm, type KeyRequest } from './api-key.service.ts';
import type { Context } from './context.ts';
import { enterTenant } from './enter-tenant.ts';
import { ROLES, ROLE_NAMES, type Level, type Permission, type RoleName } from './permissions.ts';
import { optional } from './present.ts';
import { uuidArgument } from './uuid-argument.ts';

const TENANT = {
  nullable: true,
  description: 'UUID of the tenant, for a provider token, which enters one at a time. Default: the tenant of the token.',
} as const;

/** A role, or a level with permissions: exactly one of them says what the key may be. */
function reach(
  role: RoleName | null,
  level: Level | null,
  permissions: string[] | null,
): Pick<KeyRequest, 'level' | 'permissions'> {
  if (role && !level)
    return { level: ROLES[role].level, permissions: (permissions as Permission[] | null) ?? ROLES[role].permissions };
  if (!role && level && permissions) return { level, permissions: permissions as Permission[] };
  throw new Refusal(
    'INVALID_INPUT',
    'role: give a role, with permissions to narrow it or without, or else a level and permissions.',
  );
}

@Resolver()
export class ApiKeyResolver {
  @Authorized<Permission>('keys:manage')
  @Query(() => [Role], { description: 'The presets for createApiKey: who does what with which permissions.' })
  roles(): Role[] {
    return ROLE_NAMES.map((name) => ({
      name,
      level: ROLES[name].level,
      description: ROLES[name].description,
      permissions: [...ROLES[name].permissions],
    }));
  }

  @Authorized<Permission>('keys:manage')
  @Query(() => [ApiKey], {
    description:
      'The API keys of the tenant, for an app token those of its app, oldest first, revoked ones too. Secrets are not among it.',
  })
  async apiKeys(@Arg('tenantId', () => ID, TENANT) tenantId: string | null, @Ctx() { request }: Context): Promise<ApiKey[]> {
    return enterTenant(request, uuidArgument('tenantId', tenantId), async (session) => {
      const keys = await listApiKeys(session);
      await recordAct(session, 'key.listed', { keys: keys.length });
      return keys;
    });
  }

  @Authorized<Permission>('keys:manage')
  @Mutation(() => CreatedApiKey, {
    description:
      'Makes an API key, no wider than the token that asks, and shows its secret this once. FORBIDDEN where it would be wider; INVALID_INPUT where level, app, permissions, algorithm and public key do not fit together; NOT_FOUND for an app that is not in scope.',
  })
  async createApiKey(
    @Arg('name', () => String, { description: 'What it is for; 1 to 200 characters.' }) name: string,
    @Arg('role', () => RolePreset, { nullable: true, description: 'A preset of level and permissions.' }) role: RoleName | null,
    @Arg('level', () => ScopeLevel, { nullable: true, description: 'Without a role: how wide its tokens reach at most.' })
    level: Level | null,
    @Arg('permissions', () => [String], {
      nullable: true,
      description: "What its tokens may do at most, such as `data:read`. With a role: instead of the role's own.",
    })
    permissions: string[] | null,
    @Arg('appId', () => ID, {
      nullable: true,
      description: 'UUID of its app, for the levels APP and USER, and only for them. Default: the app of the token.',
    })
    appId: string | null,
    @Arg('algorithm', () => KeyAlgorithm, { nullable: true, description: 'How its tokens are signed. Default: HS256.' })
    algorithm: Algorithm | null,
    @Arg('publicKey', () => String, {
      nullable: true,
      description:
        "For RS256 (2,048 to 8,192 bits) and ES256 (P-256): PEM (SPKI) of the public key, or an identity provider's JWK Set (RFC 7517; up to 10 keys), pinned. Nothing is ever fetched. Tokens of such a provider name our key in the claim `key`.",
    })
    publicKey: string | null,
    @Arg('maxTokenSeconds', () => Int, {
      nullable: true,
      description: 'Seconds that its tokens live at most: 60 to 31,536,000. Default: 86,400, and 3,600 for level USER.',
    })
    maxTokenSeconds: number | null,
    @Arg('tenantId', () => ID, TENANT) tenantId: string | null,
    @Ctx() { request }: Context,
  ): Promise<CreatedApiKey> {
    return enterTenant(request, uuidArgument('tenantId', tenantId), async (session) => {
      const wanted = reach(role, level, permissions);
      const ofApp = wanted.level === 'app' || wanted.level === 'user';
      const app = uuidArgument('appId', appId) ?? (ofApp ? session.scope.appId : undefined);
      const made = await createApiKey(session, {
        name,
        ...wanted,
        ...optional({ appId: app, algorithm, publicKey, maxTokenSeconds }),
      });
      await recordAct(session, 'key.created', { key: made.key.kid, level: made.key.level, app: made.key.appId });
      return made;
    });
  }

  @Authorized<Permission>('keys:manage')
  @Mutation(() => CreatedApiKey, {
    description:
      'Makes a key with the same reach to follow an HS256 key. The old one works on until it is revoked, so that nobody is cut off. NOT_FOUND for a key that is revoked or not in scope.',
  })
  async rotateApiKey(
    @Arg('kid', () => ID, { description: 'The key to be followed.' }) kid: string,
    @Arg('tenantId', () => ID, TENANT) tenantId: string | null,
    @Ctx() { request }: Context,
  ): Promise<CreatedApiKey> {
    return enterTenant(request, uuidArgument('tenantId', tenantId), async (session) => {
      const made = await rotateApiKey(session, kid);
      await recordAct(session, 'key.rotated', { key: kid, successor: made.key.kid });
      return made;
    });
  }

  @Authorized<Permission>('keys:manage')
  @Mutation(() => ApiKey, {
    description:
      'Revokes a key: within five seconds every token it signed is refused, everywhere. It cannot be undone; doing it twice changes nothing. NOT_FOUND for a key that is not in scope.',
  })
  async revokeApiKey(
    @Arg('kid', () => ID, { description: 'The key.' }) kid: string,
    @Arg('tenantId', () => ID, TENANT) tenantId: string | null,
    @Ctx() { request }: Context,
  ): Promise<ApiKey> {
    return enterTenant(request, uuidArgument('tenantId', tenantId), async (session) => {
      const key = await revokeApiKey(session, kid);
      await recordAct(session, 'key.revoked', { key: kid });
      return key;
    });
  }
}
