import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** The template that `freshDatabase` copies: all migrations applied, no rows but theirs. */
export const TEMPLATE = 'habeas_template';

export interface FreshDatabase {
  name: string;
  ownerUrl: string;
  runtimeUrl: string;
  adminUrl: string;
  drop(): Promise<void>;
}

/** A migrated, empty database of its own for a test file, copied from the template in about 0.2 s. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const name = `t_${process.pid}_${randomBytes(4).toString('hex')}`;
  await asAdmin(async (client) => {
    // file_copy on a server without fsync is the faster strategy: 0.22 s where wal_log takes 0.35 s.
    await client.query(`create database ${name} template ${TEMPLATE} strategy file_copy owner habeas_owner`);
    await client.query(`revoke all on database ${name} from public`);
    await client.query(`grant connect on database ${name} to habeas_app`);
  });
  return {
    name,
    ownerUrl: on(name, 'HABEAS_TEST_OWNER_URL'),
    runtimeUrl: on(name, 'HABEAS_TEST_RUNTIME_URL'),
    adminUrl: on(name, 'HABEAS_TEST_ADMIN_URL'),
    drop: () => asAdmin((client) => client.query(`drop database if exists ${name} with (force)`)),
  };
}

/** One connection as superuser to the tests' cluster. */
async function asAdmin(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: on('postgres', 'HABEAS_TEST_ADMIN_URL') });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function on(database: string, variable: string): string {
  const given = process.env[variable];
  if (!given) throw new Error(`${variable} is not set: test/support/global-setup.ts starts the tests' PostgreSQL and sets it`);
  const url = new URL(given);
  url.pathname = `/${database}`;
  return url.href;
}

/** A connection of its own, as administrator, to a database of its own. */
export async function freshClient(config: pg.ClientConfig = {}): Promise<{ client: pg.Client; close: () => Promise<void> }> {
  const database = await freshDatabase();
  const client = new pg.Client({ connectionString: database.adminUrl, ...config });
  await client.connect();
  const close = async (): Promise<void> => {
    await client.end();
    await database.drop();
  };
  return { client, close };
}
