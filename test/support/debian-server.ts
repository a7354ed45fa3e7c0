import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { migrate } from '../../src/database/migrate.ts';
import type { FreshDatabase } from './cluster.ts';

const run = promisify(execFile);

/** Debian's own PostgreSQL 15: the second supported version, and the one whose pg_dump the tests can use. */
const BIN = '/usr/lib/postgresql/15/bin';
export const debianServerThere = existsSync(join(BIN, 'postgres')) && existsSync(join(BIN, 'pg_dump'));

export interface DebianDatabase extends FreshDatabase {
  /** The whole database as `pg_dump` writes it: schema, rows, everything, as text. */
  dump(...options: string[]): Promise<string>;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Starts a server of its own with one migrated, empty database; `drop` stops it and removes every file. */
export async function debianDatabase(): Promise<DebianDatabase> {
  const home = await mkdtemp(join(tmpdir(), 'habeas-debian-'));
  const data = join(home, 'data');
  await mkdir(data);
  const ids =
    process.getuid?.() === 0
      ? { uid: Number((await run('id', ['-u', 'postgres'])).stdout), gid: Number((await run('id', ['-g', 'postgres'])).stdout) }
      : {};
  if (ids.uid !== undefined) for (const path of [home, data]) await chown(path, ids.uid, ids.gid);
  const port = await freePort();
  await run(
    join(BIN, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    ids,
  );
  const flags = [
    '-p',
    port,
    '-c listen_addresses=127.0.0.1',
    "-c unix_socket_directories=''",
    '-c fsync=off',
    '-c max_connections=60',
  ].join(' ');
  await run(join(BIN, 'pg_ctl'), ['-D', data, '-w', '-l', join(home, 'log'), '-o', flags, 'start'], ids);
  const url = (user: string): string => `postgres://${user}@127.0.0.1:${port}/habeas`;
  const admin = new pg.Client({ connectionString: url('postgres').replace('/habeas', '/postgres') });
  await admin.connect();
  await admin.query('create role habeas_owner login nosuperuser nobypassrls');
  await admin.query('create role habeas_app login nosuperuser nobypassrls');
  await admin.query('create database habeas owner habeas_owner');
  await admin.end();
  await migrate(url('habeas_owner'));
  return {
    name: 'habeas',
    ownerUrl: url('habeas_owner'),
    runtimeUrl: url('habeas_app'),
    adminUrl: url('postgres'),
    drop: async () => {
      await run(join(BIN, 'pg_ctl'), ['-D', data, '-w', '-m', 'immediate', 'stop'], ids);
      await rm(home, { recursive: true, force: true });
    },
    dump: async (...options) =>
      (await run(join(BIN, 'pg_dump'), ['--dbname', url('postgres'), ...options], { maxBuffer: 2 ** 30 })).stdout,
  };
}
