import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { built } from './built.ts';
import { runChild } from './child.ts';
import { fillPlain } from './peers/plain-fill.ts';
import { PLAIN_TABLES } from './peers/plain-tables.ts';
import { writeRows, type DataSet, type Sample, type Shape } from './rows.ts';

/** One database with our tables and the peers' plain ones (schema `plain`), holding the same rows once it is loaded. */
export interface Database {
  name: string;
  adminUrl: string;
  ownerUrl: string;
  runtimeUrl: string;
  /** What our processes are started with. */
  environment: Record<string, string>;
  tenant: string;
  app: string;
  /** Of a key with every permission in the tenant, and of one of the app's integrator. */
  token: string;
  appToken: string;
  secret: string;
}

export interface Loaded extends Database {
  rows: DataSet;
}

export interface Bed {
  home: string;
  adminUrl: string;
  /** The rows as native NDJSON, written once a shape. */
  rowsOf(shape: Shape): Promise<DataSet>;
  /** An empty database with a tenant and an app. */
  empty(): Promise<Database>;
  /** A database with the rows of a shape on both sides, or on ours alone, loaded once in a run of the bench. */
  loaded(shape: Shape, sides?: 'both' | 'ours'): Promise<Loaded>;
  /** A copy of a loaded one, for work that changes it. Nobody may be connected to the original. */
  copy(loaded: Loaded): Promise<Loaded>;
  drop(database: Database): Promise<void>;
  close(): Promise<void>;
}

type Embedded = typeof import('../src/database/embedded.ts');

/** The embedded server with its own settings (fsync on), in a work folder of its own. Both sides use it. */
export async function openBed(log: (line: string) => void): Promise<Bed> {
  const home = await mkdtemp(join(tmpdir(), 'habeas-bench-'));
  // The database server runs as a user of its own, who must pass through.
  await chmod(home, 0o711);
  const { startEmbedded } = await built<Embedded>('src/database/embedded.js');
  const server = await startEmbedded(join(home, 'server'));
  const on = (url: string, name: string): string => url.replace(/[^/]*$/, name);
  const admin = new pg.Pool({ connectionString: on(server.adminUrl, 'postgres'), max: 1 });
  const rows = new Map<string, Promise<DataSet>>();
  const databases = new Map<string, Promise<Loaded>>();
  const plain = new Map<string, Promise<void>>();
  let made = 0;

  const create = async (template?: string): Promise<Omit<Database, 'tenant' | 'app' | 'token' | 'appToken' | 'secret'>> => {
    const name = `bench_${++made}`;
    await admin.query(`create database ${name} owner habeas_owner ${template ? `template ${template} strategy file_copy` : ''}`);
    await admin.query(`grant connect on database ${name} to habeas_app`);
    const runtimeUrl = on(server.runtimeUrl, name);
    const folder = join(home, name);
    await mkdir(folder);
    const environment = { HABEAS_HOME: folder, HABEAS_KEYS: join(home, 'keys'), HABEAS_DATABASE_URL: runtimeUrl };
    return { name, adminUrl: on(server.adminUrl, name), ownerUrl: on(server.ownerUrl, name), runtimeUrl, environment };
  };

  const bed: Bed = {
    home,
    adminUrl: server.adminUrl,
    rowsOf: (shape) => {
      const name = JSON.stringify(shape);
      if (!rows.has(name)) rows.set(name, writeRows(join(home, `rows-${rows.size}.ndjson`), shape));
      return rows.get(name)!;
    },
    empty: async () => {
      const database = await create();
      const { migrate } = await built<typeof import('../src/database/migrate.ts')>('src/database/migrate.js');
      await migrate(database.ownerUrl);
      await withClient(database.ownerUrl, (client) => client.query(PLAIN_TABLES));
      return { ...database, ...(await makeTenant(database)) };
    },
    loaded: async (shape, sides = 'both') => {
      const name = JSON.stringify(shape);
      if (!databases.has(name)) databases.set(name, load(bed, shape, log));
      const loaded = await databases.get(name)!;
      if (sides === 'both' && !plain.has(name)) plain.set(name, loadPlain(loaded, log));
      if (sides === 'both') await plain.get(name);
      return loaded;
    },
    copy: async (loaded) => ({ ...loaded, ...(await create(loaded.name)) }),
    drop: async ({ name, environment }) => {
      await admin.query(`drop database if exists ${name} with (force)`);
      await rm(environment['HABEAS_HOME']!, { recursive: true, force: true });
    },
    close: async () => {
      await admin.end();
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
  return bed;
}

async function load(bed: Bed, shape: Shape, log: (line: string) => void): Promise<Loaded> {
  const rows = await bed.rowsOf(shape);
  log(`  Loading ${rows.messages.toLocaleString('en-US')} messages into Habeas`);
  const database = await bed.empty();
  const { tenant, app, environment } = database;
  await runChild('ours/import.ts', { path: rows.path, tenant, app }, environment);
  await settle(database);
  return { ...database, rows };
}

async function loadPlain(loaded: Loaded, log: (line: string) => void): Promise<void> {
  log(`  Loading them into plain tables`);
  await fillPlain(loaded.ownerUrl, loaded.rows.path, loaded);
  await settle(loaded);
}

/** So that neither the statistics nor what is left to write of the load falls into a run. */
async function settle({ adminUrl }: Database): Promise<void> {
  await withClient(adminUrl, async (client) => {
    await client.query('vacuum (analyze)');
    await client.query('checkpoint');
  });
}

/** A tenant with an app, and the tokens that the workloads use. */
async function makeTenant({
  runtimeUrl,
  environment,
}: Pick<Database, 'runtimeUrl' | 'environment'>): Promise<Pick<Database, 'tenant' | 'app' | 'token' | 'appToken' | 'secret'>> {
  const { readConfig } = await built<typeof import('../src/config.ts')>('src/config.js');
  const { openSystem } = await built<typeof import('../src/main.ts')>('src/main.js');
  const { createTenant } = await built<typeof import('../src/data/tenant/tenant.service.ts')>(
    'src/data/tenant/tenant.service.js',
  );
  const { createApp } = await built<typeof import('../src/data/app/app.service.ts')>('src/data/app/app.service.js');
  const { createApiKey } = await built<typeof import('../src/scope/api-key.service.ts')>('src/scope/api-key.service.js');
  const { issueToken } = await built<typeof import('../src/scope/issue-token.ts')>('src/scope/issue-token.js');
  const { inScope } = await built<typeof import('../src/scope/in-scope.ts')>('src/scope/in-scope.js');
  const { commandScope } = await built<typeof import('../src/cli/with-system.ts')>('src/cli/with-system.js');
  const { ROLES } = await built<typeof import('../src/scope/permissions.ts')>('src/scope/permissions.js');
  const running = await openSystem(readConfig({ ...environment, HABEAS_LOG_LEVEL: 'error' }), runtimeUrl);
  const { system } = running;
  try {
    const { id: tenant } = await createTenant(system, commandScope(), 'Bench');
    return await inScope(system, commandScope(tenant), async (session) => {
      const { id: app } = await createApp(session, 'Bench');
      const admin = await createApiKey(session, { name: 'bench', level: 'tenant', permissions: ROLES.TENANT_ADMIN.permissions });
      const integrator = await createApiKey(session, {
        name: 'bench',
        level: 'app',
        appId: app,
        permissions: ROLES.INTEGRATOR.permissions,
      });
      const token = await issueToken(session, { kid: admin.key.kid, level: 'tenant' });
      const appToken = await issueToken(session, { kid: integrator.key.kid, level: 'app', appId: app });
      return { tenant, app, token: token.token, appToken: appToken.token, secret: integrator.secret! };
    });
  } finally {
    await running.close();
  }
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The ids that each side gave to the people of samples, in their order. */
export async function idsOf({ adminUrl }: Database, schema: 'public' | 'plain', samples: readonly Sample[]): Promise<string[]> {
  return withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ external_id: string; author_id: string }>(
      `select external_id, author_id from ${schema}.messages where external_id = any ($1)`,
      [samples.map(({ message }) => message)],
    );
    const found = new Map(rows.map((row) => [row.external_id, row.author_id]));
    return samples.map(({ message }) => found.get(message)!);
  });
}
