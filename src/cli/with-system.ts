import { randomUUID } from 'node:crypto';
import { validate as isUuid } from 'uuid';
import { runtimeSource } from '../../ormconfig.ts';
import { readConfig, unknownSettings, type Config } from '../config.ts';
import { migrate, pendingMigrations } from '../database/migrate.ts';
import { Refusal } from '../errors.ts';
import { openDatabase, openSystem, type DatabaseUrls } from '../main.ts';
import { ALL_PERMISSIONS } from '../scope/permissions.ts';
import { PROVIDER_TENANT, type Scope } from '../scope/scope.ts';
import type { System } from '../system.ts';
import type { Io } from './io.ts';

/** The settings; what is wrong with them is the caller's to mend. */
export function configOf(io: Io): Config {
  try {
    return readConfig(io.environment);
  } catch (error) {
    throw new Refusal('INVALID_INPUT', (error as Error).message);
  }
}

/** For what goes on running: a setting that nobody reads is told of before it is missed. */
export function warnOfUnknownSettings(io: Io): void {
  for (const name of unknownSettings(io.environment)) io.err(`warning: ${name} is not a setting of Habeas, and is ignored.\n`);
}

/** A command on the machine itself acts as the provider, in one tenant at a time; the audit log calls it `cli`. */
export function commandScope(tenantId: string = PROVIDER_TENANT): Scope {
  return { level: 'provider', tenantId, permissions: new Set(ALL_PERMISSIONS), keyId: 'cli', requestId: randomUUID() };
}

/** An id given as an argument; PostgreSQL would only call it a syntax error. */
export function uuidOf(name: string, value: string): string {
  if (!isUuid(value)) throw new Refusal('INVALID_INPUT', `${name}: ${value} is not a UUID.`);
  return value.toLowerCase();
}

/** The role a connection string connects as. */
export const roleOf = (url: string): string => decodeURIComponent(new URL(url).username);

/** Brings the schema up to date where the owner's URL is known (always, with the embedded database) and something is pending. */
async function migrateIfPending(database: DatabaseUrls): Promise<void> {
  if (!database.migrationUrl) return;
  const source = await runtimeSource(database.runtimeUrl, 2).initialize();
  const pending = await pendingMigrations(source).finally(() => source.destroy());
  if (pending.length) await migrate(database.migrationUrl, roleOf(database.runtimeUrl));
}

/** Runs an act on the system of the settings, beside a server that may be running, and lets go of everything at its end. */
export async function withSystem<T>(io: Io, act: (system: System) => Promise<T>, options: { work?: boolean } = {}): Promise<T> {
  const config = configOf(io);
  const database = await openDatabase(config, (line) => io.err(`${line}\n`));
  try {
    await migrateIfPending(database);
    const running = await openSystem(config, database.runtimeUrl, { work: options.work ?? false });
    try {
      return await act(running.system);
    } finally {
      await running.close();
    }
  } finally {
    await database.stop();
  }
}
