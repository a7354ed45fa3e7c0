import { resolve } from 'node:path';
import { z } from 'zod';

const flag = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');

/** Every setting: its variable, its default, what it means. docs/operators.md is checked against this list by a test. */
const settings = z.object({
  HABEAS_HOME: z.string().default('./.habeas').describe('Folder of the embedded database, its secrets, the keys and the file store.'),
  HABEAS_DATABASE_URL: z.url().optional().describe('PostgreSQL URL of the runtime role. Unset: the embedded database is used.'),
  HABEAS_MIGRATION_URL: z.url().optional().describe('PostgreSQL URL of the role that owns the tables; used by migrate only.'),
  HABEAS_KEYS: z.string().optional().describe('Folder of the master key file and the audit signing key (default HABEAS_HOME/keys).'),
  HABEAS_FILES: z.string().optional().describe('Folder of the file store (default HABEAS_HOME/files).'),
  HABEAS_HOST: z.string().default('127.0.0.1').describe('Address the server listens on.'),
  HABEAS_PORT: z.coerce.number().int().min(0).max(65535).default(4400).describe('Port the server listens on; 0 takes a free one.'),
  HABEAS_PUBLIC_URL: z.url().optional().describe('The URL under which callers reach the server, for links (default http://host:port).'),
  HABEAS_POOL_SIZE: z.coerce.number().int().min(2).max(200).default(16).describe('Database connections a process keeps at most.'),
  HABEAS_EXPORT_DAYS: z.coerce.number().int().min(1).max(90).default(14).describe('Days until an export file is deleted.'),
  HABEAS_LINK_MINUTES: z.coerce.number().int().min(1).max(1440).default(10).describe('Minutes a download link can be opened.'),
  HABEAS_GRAPHIQL: flag.optional().describe('Serve GraphiQL at / (default: on, off when NODE_ENV is production).'),
  HABEAS_LOG_LEVEL: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info').describe('How much the log says.'),
  NODE_ENV: z.string().default('development').describe('production turns GraphiQL off.'),
});

export const SETTINGS: Readonly<Record<string, { description?: string | undefined }>> = settings.shape;

export interface Config {
  home: string;
  databaseUrl: string | undefined;
  migrationUrl: string | undefined;
  keys: string;
  files: string;
  host: string;
  port: number;
  publicUrl: string | undefined;
  poolSize: number;
  exportDays: number;
  linkMinutes: number;
  graphiql: boolean;
  logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug';
}

/** Reads the settings from the environment; the only reader of it. Throws an Error naming each setting that is wrong. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = settings.safeParse(present);
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'));
  }
  const env = parsed.data;
  const home = resolve(env.HABEAS_HOME);
  return {
    home,
    databaseUrl: env.HABEAS_DATABASE_URL,
    migrationUrl: env.HABEAS_MIGRATION_URL,
    keys: resolve(env.HABEAS_KEYS ?? `${home}/keys`),
    files: resolve(env.HABEAS_FILES ?? `${home}/files`),
    host: env.HABEAS_HOST,
    port: env.HABEAS_PORT,
    publicUrl: env.HABEAS_PUBLIC_URL,
    poolSize: env.HABEAS_POOL_SIZE,
    exportDays: env.HABEAS_EXPORT_DAYS,
    linkMinutes: env.HABEAS_LINK_MINUTES,
    graphiql: env.HABEAS_GRAPHIQL ?? env.NODE_ENV !== 'production',
    logLevel: env.HABEAS_LOG_LEVEL,
  };
}
