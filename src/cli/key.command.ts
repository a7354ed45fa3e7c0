import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { recordAct } from '../audit/act.ts';
import { Refusal } from '../errors.ts';
import {
  ALGORITHMS,
  createApiKey,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
  tenantOfKid,
  type Algorithm,
  type ApiKeyRow,
  type KeyRequest,
} from '../scope/api-key.service.ts';
import { ALL_PERMISSIONS, LEVELS, ROLES, ROLE_NAMES, type Level, type Permission, type RoleName } from '../scope/permissions.ts';
import type { Register } from './command.ts';
import { parseDuration } from './duration.ts';
import { inTenantScope } from './in-tenant-scope.ts';
import { answer, table, type Io } from './io.ts';
import { oneOf, repeated } from './options.ts';
import { uuidOf } from './with-system.ts';

interface CreateOptions {
  scope?: string;
  tenant?: string;
  app?: string;
  role?: string;
  permission: string[];
  name?: string;
  algorithm: string;
  publicKey?: string;
  maxTtl?: string;
  json?: boolean;
}

/** The tenant a key belongs to is part of its kid. */
export function tenantOf(kid: string): string {
  const tenantId = tenantOfKid(kid);
  if (!tenantId) throw new Refusal('INVALID_INPUT', `${kid} is not the id of a key.`);
  return tenantId;
}

async function requestOf(options: CreateOptions): Promise<KeyRequest> {
  const role = options.role && oneOf<RoleName>('--role', options.role.toUpperCase().replaceAll('-', '_'), ROLE_NAMES);
  const level = options.scope && oneOf<Level>('--scope', options.scope, LEVELS);
  if (!role && !level)
    throw new Refusal('INVALID_INPUT', `Give --role (${ROLE_NAMES.join(', ')}), or --scope with --permission.`);
  if (role && level && ROLES[role].level !== level)
    throw new Refusal('INVALID_INPUT', `--role ${role} is of scope ${ROLES[role].level}.`);
  if (!role && !options.permission.length)
    throw new Refusal('INVALID_INPUT', `--permission: give one or several of ${ALL_PERMISSIONS.join(', ')}.`);
  const permissions = options.permission.map((permission) => oneOf<Permission>('--permission', permission, ALL_PERMISSIONS));
  return {
    name: options.name ?? role ?? `${level} key`,
    level: role ? ROLES[role].level : (level as Level),
    permissions: permissions.length ? permissions : ROLES[role as RoleName].permissions,
    algorithm: oneOf<Algorithm>('--algorithm', options.algorithm, ALGORITHMS),
    ...(options.app ? { appId: uuidOf('--app', options.app) } : {}),
    ...(options.publicKey
      ? {
          publicKey: await readFile(options.publicKey, 'utf8').catch(() =>
            Promise.reject(new Refusal('INVALID_INPUT', `${options.publicKey} cannot be read.`)),
          ),
        }
      : {}),
    ...(options.maxTtl ? { maxTokenSeconds: parseDuration(options.maxTtl) } : {}),
  };
}

function show(io: Io, json: { json?: boolean }, made: { key: ApiKeyRow; secret: string | null }): void {
  answer(io, json, { ...made.key, secret: made.secret }, [
    `kid     ${made.key.kid}`,
    ...(made.secret
      ? [`secret  ${made.secret}`, 'The secret is shown this once.']
      : ['Its tokens are signed with your private key.']),
  ]);
}

function registerCreate(family: Command, io: Io): void {
  family
    .command('create')
    .description('create an API key, which signs tokens; prints its kid and secret once')
    .option('--role <role>', `a preset of scope and permissions: ${ROLE_NAMES.join(', ')}`)
    .option('--scope <scope>', `without a role: ${LEVELS.join(', ')}`)
    .option('--permission <permission>', 'what its tokens may do at most; repeat it for several', repeated, [])
    .option('--tenant <id>', "the tenant; without one the key is the provider's")
    .option('--app <id>', 'the app, for the scopes app and user')
    .option('--name <name>', 'what it is for')
    .option('--algorithm <algorithm>', ALGORITHMS.join(', '), 'HS256')
    .option('--public-key <file>', 'PEM of the public key, for RS256 and ES256')
    .option('--max-ttl <span>', 'how long its tokens live at most, such as 24h')
    .action(async (options: CreateOptions, command) => {
      const request = await requestOf(options);
      if (request.level !== 'provider' && !options.tenant)
        throw new Refusal(
          'INVALID_INPUT',
          `--tenant: a key of scope ${request.level} belongs to a tenant; run: habeas tenant list`,
        );
      if ((request.level === 'app' || request.level === 'user') && !request.appId)
        throw new Refusal(
          'INVALID_INPUT',
          `--app: a key of scope ${request.level} belongs to one app; run: habeas app list --tenant ${options.tenant}`,
        );
      const made = await inTenantScope(io, options.tenant, async (session) => {
        const key = await createApiKey(session, request);
        await recordAct(session, 'key.created', { key: key.key.kid, level: key.key.level, app: key.key.appId });
        return key;
      });
      show(io, command.optsWithGlobals(), made);
    });
}

export const registerKey: Register = (program, io) => {
  const family = program.command('key').description('create, list, rotate and revoke API keys');
  registerCreate(family, io);
  family
    .command('list')
    .description("list the keys of a tenant, or the provider's own, oldest first")
    .option('--tenant <id>', 'the tenant')
    .action(async (options: { tenant?: string }, command) => {
      const keys = await inTenantScope(io, options.tenant, async (session) => {
        const found = await listApiKeys(session);
        await recordAct(session, 'key.listed', { keys: found.length });
        return found;
      });
      const rows = keys.map((key) => [
        key.kid,
        key.level,
        key.appId,
        key.algorithm,
        key.createdAt.toISOString(),
        key.revokedAt?.toISOString() ?? null,
        key.name,
      ]);
      answer(
        io,
        command.optsWithGlobals(),
        keys,
        keys.length ? table(['kid', 'scope', 'app', 'algorithm', 'created', 'revoked', 'name'], rows) : ['There are no keys.'],
      );
    });
  family
    .command('rotate')
    .description('make a key with the same reach to follow this one, which works on until it is revoked')
    .argument('<kid>')
    .action(async (kid: string, _options, command) => {
      const made = await inTenantScope(io, tenantOf(kid), async (session) => {
        const successor = await rotateApiKey(session, kid);
        await recordAct(session, 'key.rotated', { key: kid, successor: successor.key.kid });
        return successor;
      });
      show(io, command.optsWithGlobals(), made);
    });
  family
    .command('revoke')
    .description('revoke a key: within five seconds no token of it works any more')
    .argument('<kid>')
    .action(async (kid: string, _options, command) => {
      const key = await inTenantScope(io, tenantOf(kid), async (session) => {
        const revoked = await revokeApiKey(session, kid);
        await recordAct(session, 'key.revoked', { key: kid });
        return revoked;
      });
      answer(io, command.optsWithGlobals(), key, [`Revoked ${kid}; running servers refuse its tokens within five seconds.`]);
    });
};
