import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbedded } from '../../src/database/embedded.ts';
import type { EmbeddedDatabase } from '../../src/database/embedded.ts';
import { migrate } from '../../src/database/migrate.ts';
import { TEMPLATE } from './cluster.ts';
import { HOME_PREFIX, removeHome, removeLeftovers } from './leftovers.ts';

declare global {
  /** The run's own PostgreSQL, from global-setup to global-teardown. */
  var habeasTest: { cluster: EmbeddedDatabase; home: string } | undefined;
}

/** No test survives a power failure, so no write waits for the disk. Two workers, each with a few pools. */
const FLAGS = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'max_connections=100', 'shared_buffers=128MB'];

/** Starts one PostgreSQL for the whole run and migrates the template that each test file copies. */
export default async function globalSetup(): Promise<void> {
  await removeLeftovers();
  const home = await mkdtemp(join(tmpdir(), `${HOME_PREFIX}${process.pid}-`));
  const cluster = await startEmbedded(home, { flags: FLAGS.flatMap((flag) => ['-c', flag]) });
  globalThis.habeasTest = { cluster, home };
  process.env['HABEAS_TEST_ADMIN_URL'] = cluster.adminUrl;
  process.env['HABEAS_TEST_OWNER_URL'] = cluster.ownerUrl;
  process.env['HABEAS_TEST_RUNTIME_URL'] = cluster.runtimeUrl;
  try {
    await makeTemplate(cluster);
  } catch (error) {
    // Jest tears nothing down after a set-up that failed.
    await cluster.stop();
    await removeHome(home);
    throw error;
  }
}

async function makeTemplate(cluster: EmbeddedDatabase): Promise<void> {
  const admin = new pg.Client({ connectionString: cluster.adminUrl });
  await admin.connect();
  await admin.query(`create database ${TEMPLATE} owner habeas_owner`);
  await admin.query(`grant connect on database ${TEMPLATE} to habeas_app`);
  await admin.end();
  const template = new URL(cluster.ownerUrl);
  template.pathname = `/${TEMPLATE}`;
  await migrate(template.href);
}
