import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { MIGRATIONS } from '../../ormconfig.ts';
import { installQueue } from '../jobs/queue.ts';

function ownerSource(ownerUrl: string, runtimeRole: string): DataSource {
  if (!runtimeRole)
    throw new Error(
      'HABEAS_DATABASE_URL names no role (postgresql://role:password@host/database), so nothing can be granted to it.',
    );
  return new DataSource({
    type: 'postgres',
    url: ownerUrl,
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'each',
    // The server splits its options at spaces that no backslash stands before.
    extra: { options: `-c habeas.runtime_role=${runtimeRole.replace(/[\\\s]/g, '\\$&')}`, max: 3 },
  });
}

/** Runs an act on the schema while no other process does: of two first starts at once the second finds everything done. */
async function alone<T>(ownerUrl: string, runtimeRole: string, act: (source: DataSource) => Promise<T>): Promise<T> {
  const source = await ownerSource(ownerUrl, runtimeRole).initialize();
  const lock = source.createQueryRunner();
  try {
    await lock.query(`select pg_advisory_lock(hashtext('habeas migrations'))`);
    return await act(source);
  } finally {
    await lock.query(`select pg_advisory_unlock(hashtext('habeas migrations'))`).catch(() => undefined);
    await lock.release();
    await source.destroy();
  }
}

/**
 * Brings the schema up to date as the role that owns it, and grants the runtime role what it needs. Returns the names of the migrations
 * that were applied. `runtimeRole` is the role that the server connects as.
 */
export async function migrate(ownerUrl: string, runtimeRole = 'habeas_app'): Promise<string[]> {
  return alone(ownerUrl, runtimeRole, async (source) => {
    const applied = await source.runMigrations();
    await source.query(
      `do $$ begin execute format('grant select on migrations to %I', current_setting('habeas.runtime_role')); end $$`,
    );
    await installQueue(ownerUrl, source);
    return applied.map((migration) => migration.name);
  });
}

/** Takes the newest migration back. Returns its name, or undefined where there is none. */
export async function migrateDown(ownerUrl: string, runtimeRole = 'habeas_app'): Promise<string | undefined> {
  return alone(ownerUrl, runtimeRole, async (source) => {
    const [there] = (await source.query(`select to_regclass('migrations') is not null as there`)) as { there: boolean }[];
    if (!there?.there) return undefined;
    const [last] = (await source.query('select name from migrations order by id desc limit 1')) as { name: string }[];
    if (last) await source.undoLastMigration();
    return last?.name;
  });
}

/** The migrations of this version that a database lacks, as the runtime role sees them. */
export async function pendingMigrations(source: DataSource): Promise<string[]> {
  const exists = (await source.query(`select to_regclass('migrations') is not null as there`)) as { there: boolean }[];
  const done = exists[0]?.there ? ((await source.query('select name from migrations')) as { name: string }[]) : [];
  const names = new Set(done.map((row) => row.name));
  return MIGRATIONS.map((migration) => migration.name).filter((name) => !names.has(name));
}
