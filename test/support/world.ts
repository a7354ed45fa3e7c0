import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { makeServer } from '../../src/api/server.ts';
import { readConfig, type Config } from '../../src/config.ts';
import { createApp } from '../../src/data/app/app.service.ts';
import { createTenant } from '../../src/data/tenant/tenant.service.ts';
import { ingest } from '../../src/intake/ingest.service.ts';
import { recordSchema, type RawRecord } from '../../src/intake/records.ts';
import { openSystem } from '../../src/main.ts';
import { createApiKey } from '../../src/scope/api-key.service.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { issueToken } from '../../src/scope/issue-token.ts';
import { ALL_PERMISSIONS, ROLES, type Permission, type RoleName } from '../../src/scope/permissions.ts';
import { PROVIDER_TENANT, type Scope } from '../../src/scope/scope.ts';
import type { System } from '../../src/system.ts';
import { freshDatabase, type FreshDatabase } from './cluster.ts';

/** A GraphQL answer: its data, and the codes and messages of its errors. */
// oxlint-disable-next-line no-explicit-any -- a test names the shape it expects
export interface Answer<T = any> {
  status: number;
  data: T;
  codes: string[];
  messages: string[];
}
// oxlint-disable-next-line no-explicit-any
export type Ask = <T = any>(query: string, variables?: Record<string, unknown>) => Promise<Answer<T>>;

/** Whose token: a role preset in a tenant, an app of it, and a person of that. */
export interface Who {
  role?: RoleName;
  tenant?: string;
  app?: string;
  user?: string;
  permissions?: Permission[];
}

/** A whole Habeas of its own for a test file: database, keys, files, jobs and server, with a clock that tests can move. */
export interface World {
  system: System;
  server: FastifyInstance;
  config: Config;
  database: FreshDatabase;
  home: string;
  clock: { offset: number };
  cli: Scope;
  /** Makes a tenant, and answers its id. */
  tenant(name?: string): Promise<string>;
  app(tenant: string, name?: string): Promise<string>;
  key(who: Who): Promise<{ kid: string; secret: string }>;
  token(who: Who): Promise<string>;
  /** Asks as somebody; a string is taken as the token itself. */
  as(who: Who | string): Ask;
  ingest(tenant: string, app: string, records: RawRecord[]): Promise<void>;
  /** The id of a person by external id, asked as the integrator's own database knowledge: straight from the ingest. */
  userId(tenant: string, app: string, externalId: string): Promise<string>;
  /** Runs a statement as the superuser, around every policy. */
  sql(text: string, parameters?: unknown[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function openWorld(
  options: { work?: boolean; environment?: Record<string, string>; database?: FreshDatabase } = {},
): Promise<World> {
  const database = options.database ?? (await freshDatabase());
  const home = await mkdtemp(join(tmpdir(), 'habeas-world-'));
  const config = readConfig({
    HABEAS_HOME: home,
    HABEAS_PORT: '0',
    HABEAS_POOL_SIZE: '8',
    HABEAS_LOG_LEVEL: 'error',
    ...options.environment,
  });
  const clock = { offset: 0 };
  const running = await openSystem(config, database.runtimeUrl, {
    work: options.work ?? true,
    now: () => Date.now() + clock.offset,
  });
  const { system } = running;
  const server = await makeServer(system);
  const { default: pg } = await import('pg');
  // One connection, made anew where a test cuts it.
  const admin = new pg.Pool({ connectionString: database.adminUrl, max: 1, idleTimeoutMillis: 0 });
  admin.on('error', () => undefined);
  const cli: Scope = {
    level: 'provider',
    tenantId: PROVIDER_TENANT,
    permissions: new Set(ALL_PERMISSIONS),
    keyId: 'cli',
    requestId: 'test',
  };
  const inTenant = (tenantId: string): Scope => ({ ...cli, tenantId });
  const keys = new Map<string, { kid: string; secret: string }>();

  const world: World = {
    system,
    server,
    config,
    database,
    home,
    clock,
    cli,
    tenant: async (name = 'Tenant') => (await createTenant(system, cli, name)).id,
    app: async (tenant, name = 'App') => (await inScope(system, inTenant(tenant), (session) => createApp(session, name))).id,
    key: async ({ role = 'TENANT_ADMIN', tenant = PROVIDER_TENANT, app, permissions }) => {
      const name = JSON.stringify([role, tenant, app, permissions]);
      const known = keys.get(name);
      if (known) return known;
      const preset = ROLES[role];
      const needsApp = preset.level === 'app' || preset.level === 'user';
      const made = await inScope(system, inTenant(tenant), (session) =>
        createApiKey(session, {
          name: role,
          level: preset.level,
          permissions: permissions ?? preset.permissions,
          ...(needsApp ? { appId: app! } : {}),
        }),
      );
      const key = { kid: made.key.kid, secret: made.secret! };
      keys.set(name, key);
      return key;
    },
    token: async (who) => {
      const tenant = who.tenant ?? PROVIDER_TENANT;
      // A person's token is issued by the key of their app's integrator, as a platform would.
      const role = who.user ? 'INTEGRATOR' : (who.role ?? (who.app ? 'INTEGRATOR' : who.tenant ? 'TENANT_ADMIN' : 'PROVIDER'));
      const { kid } = await world.key({ ...who, role, permissions: who.user ? undefined : who.permissions } as Who);
      const level = who.user ? 'user' : ROLES[role].level;
      const issued = await inScope(system, inTenant(tenant), (session) =>
        issueToken(session, {
          kid,
          level,
          ...(level === 'app' || level === 'user' ? { appId: who.app! } : {}),
          ...(who.user ? { userId: who.user } : {}),
          ...(who.permissions ? { permissions: who.permissions } : {}),
        }),
      );
      return issued.token;
    },
    as:
      (who) =>
      async (query, variables = {}) => {
        const token = typeof who === 'string' ? who : await world.token(who);
        const response = await server.inject({
          method: 'POST',
          url: '/graphql',
          headers: { authorization: `Bearer ${token}` },
          payload: { query, variables },
        });
        const body = response.json<{ data?: never; errors?: { message: string; extensions?: { code?: string } }[] }>();
        return {
          status: response.statusCode,
          data: body.data!,
          codes: (body.errors ?? []).map((error) => error.extensions?.code ?? 'none'),
          messages: (body.errors ?? []).map((error) => error.message),
        };
      },
    ingest: async (tenant, app, records) => {
      await inScope(system, inTenant(tenant), (session) =>
        ingest(
          session,
          app,
          records.map((record, index) => ({ index, record: recordSchema.parse(record) })),
        ),
      );
    },
    userId: async (tenant, app, externalId) => {
      const { blindIndex } = await import('../../src/keys/blind-index.ts');
      const { requireTenantKey } = await import('../../src/keys/keyring.ts');
      return inScope(system, inTenant(tenant), async ({ db }) => {
        const index = blindIndex(await requireTenantKey(system.keys, db, tenant), `EXTERNAL_ID/${app}`, externalId);
        const [row] = (await db.query('select id from users where tenant_id = $1 and app_id = $2 and external_index = $3', [
          tenant,
          app,
          index,
        ])) as { id: string }[];
        if (!row) throw new Error(`no user ${externalId}`);
        return row.id;
      });
    },
    sql: async (text, parameters) => (await admin.query(text, parameters)).rows as Record<string, unknown>[],
    close: async () => {
      const open = await leftOpen(admin);
      await admin.end();
      await server.close();
      await running.close();
      await database.drop();
      await rm(home, { recursive: true, force: true });
      // Not earlier: what was left open must not leave a database behind as well.
      expect(open).toBe(0);
    },
  };
  return world;
}

/** How many transactions nobody ends, once the last answer is out: each of them keeps a connection of the server's for good. */
async function leftOpen(admin: Pick<Pool, 'query'>): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    const { rows } = await admin.query(
      "select count(*)::int as open from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'",
    );
    const { open } = rows[0] as { open: number };
    // A job may be between two statements.
    if (!open || tries === 30) return open;
    await sleep(100);
  }
}
