import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';

const flag = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');

const limit = (standard: number, least: number, most: number, meaning: string) =>
  z.coerce.number().int().min(least).max(most).default(standard).describe(meaning);

const NETWORKS = new Set(['loopback', 'linklocal', 'uniquelocal', 'none']);

/** An address, a network as address and prefix length, or one of the names above. */
function isNetwork(text: string): boolean {
  if (NETWORKS.has(text)) return true;
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  return (
    family !== 0 && !rest.length && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
  );
}

/** The limits of DESIGN section 9: what goes beyond is refused before it costs anything. Each is tested at n and at n + 1. */
const limits = {
  HABEAS_LIMIT_BODY: limit(262_144, 1024, 16_777_216, 'Bytes of a request body, counted before it is parsed.'),
  HABEAS_LIMIT_NESTING: limit(64, 8, 1000, 'Brackets inside one another in a request body, counted before it is parsed.'),
  HABEAS_LIMIT_TOKENS: limit(2000, 100, 20_000, 'Lexical tokens of a document.'),
  HABEAS_LIMIT_DEPTH: limit(12, 3, 50, 'Levels of fields of an operation, fragments unfolded.'),
  HABEAS_LIMIT_ALIASES: limit(30, 0, 1000, 'Aliased fields of a document.'),
  HABEAS_LIMIT_ROOT_FIELDS: limit(20, 1, 1000, 'Root fields of an operation.'),
  HABEAS_LIMIT_DIRECTIVES: limit(50, 0, 1000, 'Directives of a document.'),
  HABEAS_LIMIT_SELECTIONS: limit(1000, 50, 10_000, 'Selections of an operation once its fragments are unfolded.'),
  HABEAS_LIMIT_COST: limit(
    50_000,
    100,
    10_000_000,
    'Objects an operation may answer, by the page sizes it asks for; other lists count as 10.',
  ),
  HABEAS_LIMIT_TEXT: limit(
    33_554_432,
    16_777_216,
    268_435_456,
    'Bytes of texts and metadata that an operation may answer. Values above 2 kB are read only while the answer stays below.',
  ),
  HABEAS_LIMIT_PAGE: limit(200, 1, 200, 'Items of a page of a connection.'),
  HABEAS_LIMIT_SECONDS: limit(
    30,
    1,
    3600,
    'Seconds a statement of a request may take before the database cancels it; a query that has read for as long begins nothing more.',
  ),
  HABEAS_LIMIT_KEY_RATE: limit(60_000, 1, 100_000_000, 'Requests a minute for each API key; 429 with Retry-After beyond.'),
  HABEAS_LIMIT_ADDRESS_RATE: limit(
    120_000,
    1,
    100_000_000,
    'Requests a minute for each address, counted before the token is looked at.',
  ),
  HABEAS_LIMIT_REFUSALS: limit(600, 1, 100_000_000, 'Refused tokens a minute for each address.'),
  HABEAS_LIMIT_IN_FLIGHT: limit(256, 1, 100_000, 'Requests answered at the same time; 503 with Retry-After beyond.'),
  HABEAS_LIMIT_TENANT_JOBS: limit(2, 1, 100, 'Jobs of one tenant that run at the same time.'),
  HABEAS_LIMIT_OPEN_REQUESTS: limit(10, 1, 10_000, 'Open requests for each person, or app, under the data-subject rights.'),
  HABEAS_LIMIT_PACKAGES: limit(
    20,
    1,
    10_000,
    'Packages in store that a person asked for with their own token, beyond which it asks for no more. Those of officers are not counted.',
  ),
};

/** Every setting: its variable, its default, what it means. docs/operators.md is checked against this list by a test. */
const settings = z.object({
  HABEAS_HOME: z
    .string()
    .default('./.habeas')
    .describe('Folder of the embedded database, its secrets, the keys and the file store.'),
  HABEAS_DATABASE_URL: z.url().optional().describe('PostgreSQL URL of the runtime role. Unset: the embedded database is used.'),
  HABEAS_MIGRATION_URL: z.url().optional().describe('PostgreSQL URL of the role that owns the tables; used by migrate only.'),
  HABEAS_KEYS: z
    .string()
    .optional()
    .describe('Folder of the master key file and the audit signing key (default HABEAS_HOME/keys).'),
  HABEAS_FILES: z.string().optional().describe('Folder of the file store (default HABEAS_HOME/files).'),
  HABEAS_HOST: z.string().default('127.0.0.1').describe('Address the server listens on.'),
  HABEAS_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(4400)
    .describe('Port the server listens on; 0 takes a free one.'),
  HABEAS_PUBLIC_URL: z
    .url()
    .optional()
    .describe('The URL under which callers reach the server, for links (default http://host:port).'),
  HABEAS_TRUSTED_PROXIES: z
    .string()
    .default('loopback')
    .transform((value) => value.split(',').map((name) => name.trim()))
    .refine(
      (names) => names.every(isNetwork),
      'Addresses or networks, such as 10.0.0.7,192.168.0.0/16, or loopback, linklocal, uniquelocal, none',
    )
    .describe(
      'Proxies whose X-Forwarded-For is believed, so that limits count each caller and not the proxy: addresses, networks (10.0.0.0/8), loopback, linklocal, uniquelocal, or none; with commas between.',
    ),
  HABEAS_POOL_SIZE: z.coerce.number().int().min(2).max(200).default(16).describe('Database connections a process keeps at most.'),
  HABEAS_PREPARED_STATEMENTS: flag
    .default(true)
    .describe('Whether reads, and what records them, prepare their statements by name; false behind a pooler that cannot.'),
  HABEAS_EXPORT_DAYS: z.coerce.number().int().min(1).max(90).default(14).describe('Days until an export file is deleted.'),
  HABEAS_LINK_MINUTES: z.coerce.number().int().min(1).max(1440).default(10).describe('Minutes a download link can be opened.'),
  HABEAS_CHECKPOINT_WEBHOOK: z
    .url()
    .optional()
    .describe(
      'Where each signed checkpoint of the audit log is POSTed as JSON, besides the file store; tried again until it answers 2xx.',
    ),
  HABEAS_GRAPHIQL: flag.optional().describe('Serve GraphiQL at / (default: on, off when NODE_ENV is production).'),
  HABEAS_LOG_LEVEL: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info').describe('How much the log says.'),
  ...limits,
  NODE_ENV: z.string().default('development').describe('production turns GraphiQL off.'),
});

export const SETTINGS: Readonly<Record<string, { description?: string | undefined }>> = settings.shape;

/** Names of ours that are no setting: a slip of the pen, or of another version. Nothing reads them. */
export const unknownSettings = (environment: NodeJS.ProcessEnv): string[] =>
  Object.keys(environment)
    .filter((name) => name.startsWith('HABEAS_') && !Object.hasOwn(SETTINGS, name))
    .toSorted();

export interface Limits {
  bodyBytes: number;
  nesting: number;
  tokens: number;
  depth: number;
  aliases: number;
  rootFields: number;
  directives: number;
  selections: number;
  cost: number;
  textBytes: number;
  pageSize: number;
  seconds: number;
  keyRate: number;
  addressRate: number;
  refusals: number;
  inFlight: number;
  tenantJobs: number;
  openRequests: number;
  packages: number;
}

export interface Config {
  limits: Limits;
  home: string;
  databaseUrl: string | undefined;
  migrationUrl: string | undefined;
  keys: string;
  files: string;
  host: string;
  port: number;
  publicUrl: string | undefined;
  trustedProxies: string[];
  poolSize: number;
  /** False behind a pooler of transactions that does not know prepared statements. */
  preparedStatements: boolean;
  exportDays: number;
  linkMinutes: number;
  checkpointWebhook: string | undefined;
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
    trustedProxies: env.HABEAS_TRUSTED_PROXIES.filter((name) => name !== 'none'),
    poolSize: env.HABEAS_POOL_SIZE,
    preparedStatements: env.HABEAS_PREPARED_STATEMENTS,
    exportDays: env.HABEAS_EXPORT_DAYS,
    linkMinutes: env.HABEAS_LINK_MINUTES,
    checkpointWebhook: env.HABEAS_CHECKPOINT_WEBHOOK,
    graphiql: env.HABEAS_GRAPHIQL ?? env.NODE_ENV !== 'production',
    logLevel: env.HABEAS_LOG_LEVEL,
    limits: {
      bodyBytes: env.HABEAS_LIMIT_BODY,
      nesting: env.HABEAS_LIMIT_NESTING,
      tokens: env.HABEAS_LIMIT_TOKENS,
      depth: env.HABEAS_LIMIT_DEPTH,
      aliases: env.HABEAS_LIMIT_ALIASES,
      rootFields: env.HABEAS_LIMIT_ROOT_FIELDS,
      directives: env.HABEAS_LIMIT_DIRECTIVES,
      selections: env.HABEAS_LIMIT_SELECTIONS,
      cost: env.HABEAS_LIMIT_COST,
      textBytes: env.HABEAS_LIMIT_TEXT,
      pageSize: env.HABEAS_LIMIT_PAGE,
      seconds: env.HABEAS_LIMIT_SECONDS,
      keyRate: env.HABEAS_LIMIT_KEY_RATE,
      addressRate: env.HABEAS_LIMIT_ADDRESS_RATE,
      refusals: env.HABEAS_LIMIT_REFUSALS,
      inFlight: env.HABEAS_LIMIT_IN_FLIGHT,
      tenantJobs: env.HABEAS_LIMIT_TENANT_JOBS,
      openRequests: env.HABEAS_LIMIT_OPEN_REQUESTS,
      packages: env.HABEAS_LIMIT_PACKAGES,
    },
  };
}
