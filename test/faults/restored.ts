import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';
import type { DebianDatabase } from '../support/debian-server.ts';
import type { FreshDatabase } from '../support/cluster.ts';

const PSQL = '/usr/lib/postgresql/15/bin/psql';

/** An empty database beside the given one, into which dumps are read in their order, as an operator restores a backup. */
export async function restore(from: DebianDatabase, name: string, dumps: string[]): Promise<FreshDatabase> {
  const url = (of: string): string => of.replace(/\/habeas$/, `/${name}`);
  const admin = new pg.Client({ connectionString: from.adminUrl });
  await admin.connect();
  await admin.query(`create database ${name} owner habeas_owner`);
  await admin.end();
  for (const dump of dumps) {
    const reading = promisify(execFile)(PSQL, ['--quiet', '--set', 'ON_ERROR_STOP=1', '--dbname', url(from.adminUrl)], {
      maxBuffer: 2 ** 28,
    });
    reading.child.stdin!.end(dump);
    await reading;
  }
  // Its server goes with the database it stands beside.
  return {
    name,
    ownerUrl: url(from.ownerUrl),
    runtimeUrl: url(from.runtimeUrl),
    adminUrl: url(from.adminUrl),
    drop: async () => undefined,
  };
}
