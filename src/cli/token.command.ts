import { Refusal } from '../errors.ts';
import { findKey } from '../scope/api-key.service.ts';
import { denyToken, issueToken } from '../scope/issue-token.ts';
import { ALL_PERMISSIONS, LEVELS, type Level, type Permission } from '../scope/permissions.ts';
import type { Register } from './command.ts';
import { parseDuration } from './duration.ts';
import { inTenantScope } from './in-tenant-scope.ts';
import { answer } from './io.ts';
import { tenantOf } from './key.command.ts';
import { oneOf, repeated } from './options.ts';
import { uuidOf } from './with-system.ts';

interface IssueOptions {
  key: string;
  scope?: string;
  tenant?: string;
  app?: string;
  user?: string;
  permission: string[];
  subject?: string;
  ttl?: string;
}

/** A token itself says whose key signed it; its bare id says nothing of that. */
function read(text: string): { jti: string; tenant?: string } {
  const [head, claims, ...rest] = text.split('.');
  if (head === undefined || claims === undefined || rest.length !== 1) return { jti: text };
  try {
    const part = (encoded: string) => JSON.parse(Buffer.from(encoded, 'base64url').toString()) as Record<string, unknown>;
    const [kid, jti] = [part(head)['kid'], part(claims)['jti']];
    if (typeof kid === 'string' && typeof jti === 'string') return { jti, tenant: tenantOf(kid) };
  } catch (error) {
    if (error instanceof Refusal) throw error;
  }
  return { jti: text };
}

export const registerToken: Register = (program, io) => {
  const family = program.command('token').description('issue and deny tokens');
  family
    .command('issue')
    .description('sign a token with a key; prints the token alone, to be used in scripts')
    .requiredOption('--key <kid>', 'the key that signs')
    .option(
      '--scope <scope>',
      `${LEVELS.join(', ')}; default: user with --user, app with --app, tenant with --tenant, otherwise what the key is`,
    )
    .option('--tenant <id>', 'the tenant, where a provider key signs a token for one')
    .option('--app <id>', 'the app')
    .option('--user <id>', 'the person')
    .option('--permission <permission>', 'less than the key allows; repeat it for several', repeated, [])
    .option('--subject <name>', 'who will hold it, for the audit log')
    .option('--ttl <span>', 'how long it lives, such as 30s, 10m, 1h, 7d')
    .action(async (options: IssueOptions, command) => {
      const home = tenantOf(options.key);
      const permissions = options.permission.map((permission) => oneOf<Permission>('--permission', permission, ALL_PERMISSIONS));
      const ttlSeconds = options.ttl === undefined ? undefined : parseDuration(options.ttl);
      const issued = await inTenantScope(io, home, async (session) => {
        const found = await findKey(session, options.key, home);
        if (!found) throw new Refusal('NOT_FOUND', `There is no key ${options.key}.`);
        const implied: Level = options.user ? 'user' : options.app ? 'app' : options.tenant ? 'tenant' : found.row.level;
        return issueToken(session, {
          kid: options.key,
          level: options.scope ? oneOf<Level>('--scope', options.scope, LEVELS) : implied,
          ...(options.tenant ? { tenantId: uuidOf('--tenant', options.tenant) } : {}),
          ...(options.app ? { appId: uuidOf('--app', options.app) } : {}),
          ...(options.user ? { userId: uuidOf('--user', options.user) } : {}),
          ...(permissions.length ? { permissions } : {}),
          ...(options.subject ? { subject: options.subject } : {}),
          ...(ttlSeconds ? { ttlSeconds } : {}),
        });
      });
      answer(io, command.optsWithGlobals(), issued, [issued.token]);
    });
  family
    .command('deny')
    .description('deny one token: within five seconds it is refused everywhere')
    .argument('<token>', 'the token, or its jti claim')
    .option('--tenant <id>', 'with a jti: the tenant of the key that signed it; without one, the provider')
    .action(async (text: string, options: { tenant?: string }, command) => {
      const { jti, tenant = options.tenant } = read(text);
      await inTenantScope(io, tenant, (session) => denyToken(session, jti));
      answer(io, command.optsWithGlobals(), { denied: jti }, [
        tenant
          ? `Denied ${jti}; running servers refuse it within five seconds.`
          : `Denied ${jti}, if a key of the provider signed it. Of a tenant's key: give --tenant <id>, or the token itself.`,
      ]);
    });
};
