import 'reflect-metadata';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import pino from 'pino';
import { runtimeSource } from '../ormconfig.ts';
import { makeServer } from './api/server.ts';
import { openStore } from './artefacts/file-store.ts';
import { startSealer } from './audit/sealer.ts';
import { openSigner } from './audit/signer.ts';
import type { Config } from './config.ts';
import { startExpiry } from './data/artefact/expiry.job.ts';
import { ensureProvider } from './data/tenant/tenant.service.ts';
import { startEmbedded, type EmbeddedDatabase } from './database/embedded.ts';
import { migrate, pendingMigrations } from './database/migrate.ts';
import { checkIsolation } from './database/isolation.ts';
import { openQueue } from './jobs/queue.ts';
import { openKeyFile } from './keys/key-file.ts';
import { KEYS_CHANNEL, openKeyring } from './keys/keyring.ts';
import { holdsKeys } from './scope/in-scope.ts';
import { startWorker } from './jobs/worker.ts';
import { HANDLERS } from './jobs/handlers.ts';
import type { System } from './system.ts';

/** Where the database is, and how to let go of it. */
export interface DatabaseUrls {
  runtimeUrl: string;
  migrationUrl: string | undefined;
  stop(): Promise<void>;
}

/** The database of the settings: the one of HABEAS_DATABASE_URL, or the embedded one, started if it does not run. */
export async function openDatabase(config: Config, log: (line: string) => void): Promise<DatabaseUrls> {
  if (config.databaseUrl)
    return { runtimeUrl: config.databaseUrl, migrationUrl: config.migrationUrl, stop: async () => undefined };
  const embedded: EmbeddedDatabase = await startEmbedded(config.home, { log });
  return { runtimeUrl: embedded.runtimeUrl, migrationUrl: embedded.ownerUrl, stop: () => embedded.stop() };
}

export interface Running {
  system: System;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** True in a process that also runs jobs. */
  work?: boolean;
  now?: () => number;
}

/** Connects everything to a database whose schema is up to date. Refuses a role under which isolation would not hold. */
export async function openSystem(config: Config, runtimeUrl: string, options: OpenOptions = {}): Promise<Running> {
  const log = pino({ level: config.logLevel, base: undefined }, pino.destination({ dest: 2, sync: true }));
  const source = await runtimeSource(runtimeUrl, config.poolSize).initialize();
  const closing: (() => Promise<unknown>)[] = [() => source.destroy()];
  const close = async (): Promise<void> => {
    for (const end of closing.reverse()) await end();
  };
  try {
    await checkIsolation(source);
    const pending = await pendingMigrations(source);
    if (pending.length)
      throw new Error(`The database lacks ${pending.length} migrations (${pending[0]} first); run: habeas migrate`);
    const keys = openKeyring(await openKeyFile(config.keys, !(await holdsKeys(source))));
    const sweep = setInterval(() => keys.cache.sweep(), 1000);
    sweep.unref();
    closing.push(async () => clearInterval(sweep));
    closing.push(await listenForForgottenKeys(runtimeUrl, (tenantId) => keys.cache.forget(tenantId)));
    const files = await openStore(config.files);
    const queue = await openQueue(runtimeUrl, {
      work: options.work ?? false,
      onError: (error) => log.error({ name: error.name }, 'the job queue failed'),
    });
    closing.push(() => queue.boss.stop({ graceful: true, timeout: 5_000 }));
    const system: System = { config, source, keys, files, queue, callers: { inside: 0 }, now: options.now ?? Date.now, log };
    await ensureProvider(system);
    if (options.work) {
      closing.push(startSealer(system, await openSigner(config.keys)));
      closing.push(await startWorker(system, HANDLERS));
      closing.push(startExpiry(system));
    }
    return { system, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** Erasure in any process empties this process's key cache: it listens on a connection of its own and reconnects when that is cut. */
async function listenForForgottenKeys(url: string, forget: (tenantId: string) => void): Promise<() => Promise<void>> {
  let closed = false;
  let client: pg.Client | undefined;
  const connect = async (): Promise<void> => {
    // Closed while it waited to try again.
    if (closed) return;
    const next = new pg.Client({ connectionString: url, application_name: 'habeas keys', keepAlive: true });
    let listening = false;
    next.on('notification', (message) => message.payload && forget(message.payload));
    next.on('error', () => undefined);
    next.on('end', () => listening && later());
    await next.connect();
    await next.query(`listen ${KEYS_CHANNEL}`);
    listening = true;
    client = next;
    if (closed) await next.end();
  };
  // Until somebody listens again, keys live for KEY_LIFE_MS at most all the same.
  const later = (): void => {
    if (!closed) setTimeout(() => void connect().catch(later), 1000).unref();
  };
  await connect();
  return async () => {
    closed = true;
    await client?.end();
  };
}

/** How long callers may still send their requests and read their answers once the server was told to stop. */
const GRACE_MS = 5_000;

/** Migrates if the owner's URL is known, opens the system and serves it. */
export async function serve(
  config: Config,
  options: OpenOptions & { log?: (line: string) => void } = {},
): Promise<Running & { server: FastifyInstance; url: string }> {
  const database = await openDatabase(config, options.log ?? (() => undefined));
  try {
    if (database.migrationUrl) await migrate(database.migrationUrl, decodeURIComponent(new URL(database.runtimeUrl).username));
    const running = await openSystem(config, database.runtimeUrl, { work: true, ...options });
    try {
      const server = await makeServer(running.system);
      const address = await server.listen({ host: config.host, port: config.port });
      // Links name the port that was really taken, where the setting left it open.
      running.system.config.publicUrl ??= address;
      const close = async (): Promise<void> => {
        // A caller who neither sends nor reads must not keep a process that was told to stop.
        const cut = setTimeout(() => server.server.closeAllConnections(), GRACE_MS);
        await server.close().finally(() => clearTimeout(cut));
        await running.close();
        await database.stop();
      };
      return { system: running.system, server, url: config.publicUrl ?? address, close };
    } catch (error) {
      await running.close();
      throw error;
    }
  } catch (error) {
    await database.stop();
    throw error;
  }
}
