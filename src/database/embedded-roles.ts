import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { DatabaseSecrets } from './secrets.ts';

type Role = keyof DatabaseSecrets['passwords'];

const KEEPER = 'habeas keeper';

export const urlOf = ({ port, passwords }: DatabaseSecrets, role: Role, database = 'habeas'): string =>
  `postgres://${role}:${passwords[role]}@127.0.0.1:${port}/${database}`;

/** One connection as superuser, for the time of `work`. */
async function asAdmin<T>(secrets: DatabaseSecrets, database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: urlOf(secrets, 'postgres', database), connectionTimeoutMillis: 10_000 });
  // A server that stops under an idle connection is told by the next query; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Makes the roles and the database, or what of them is missing. `habeas_owner` owns the tables and migrates;
 * `habeas_app` serves, owns nothing, and can neither leave row-level security nor make roles or databases.
 */
export async function makeRoles(secrets: DatabaseSecrets): Promise<void> {
  await asAdmin(secrets, 'postgres', async (client) => {
    for (const role of ['habeas_owner', 'habeas_app'] as const) {
      const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [role]);
      if (!rowCount) await client.query(`create role ${role}`);
      const rights = 'login nosuperuser nobypassrls nocreatedb nocreaterole noreplication';
      await client.query(`alter role ${role} ${rights} password ${client.escapeLiteral(secrets.passwords[role])}`);
    }
    const { rowCount } = await client.query("select 1 from pg_database where datname = 'habeas'");
    if (!rowCount) await client.query('create database habeas owner habeas_owner');
    for (const database of ['habeas', 'postgres', 'template1'])
      await client.query(`revoke all on database ${database} from public`);
    await client.query('grant connect on database habeas to habeas_app');
  });
}

/** Holds one idle connection, by which other processes see that this one uses the server. Returns its end. */
export async function keepAlive(secrets: DatabaseSecrets): Promise<() => Promise<void>> {
  // In database `postgres`, where it blocks nobody who drops or copies `habeas`.
  const settings = { connectionString: urlOf(secrets, 'postgres', 'postgres'), application_name: KEEPER };
  // pg has ref and unref, its types do not.
  const client = new pg.Client(settings) as pg.Client & { ref(): void; unref(): void };
  client.on('error', () => {});
  await client.connect();
  // It must not keep a process running that has nothing else to do.
  client.unref();
  return async () => {
    client.ref();
    await client.end().catch(() => {});
  };
}

/** Whether anybody else uses the server. Asked a few times: a connection just closed takes a moment to leave the list. */
export async function isUsed(secrets: DatabaseSecrets): Promise<boolean> {
  return asAdmin(secrets, 'postgres', async (client) => {
    for (let left = 6; left > 0; left--) {
      const { rowCount } = await client.query(
        `select 1 from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
           and (datname = 'habeas' or application_name = $1)`,
        [KEEPER],
      );
      if (!rowCount) return false;
      if (left > 1) await sleep(50);
    }
    return true;
  });
}

/** Waits for a starting or recovering server. Undefined: it went away meanwhile, says `isThere`. */
export async function answering(secrets: DatabaseSecrets, isThere: () => boolean): Promise<string | undefined> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await asAdmin(secrets, 'postgres', async (client) => {
        const { rows } = await client.query<{ data_directory: string }>('show data_directory');
        return rows[0]?.data_directory;
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!isThere()) return undefined;
      if (code === '28P01')
        throw new Error('The running embedded PostgreSQL refuses the password in secrets.json. Restore that file from a backup.');
      if (Date.now() > deadline)
        throw new Error(`A PostgreSQL runs on the data folder but does not answer on port ${secrets.port}: ${message}`);
      await sleep(100);
    }
  }
}
