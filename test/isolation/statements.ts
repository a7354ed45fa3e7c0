import { makeSchema } from '../../src/api/schema.ts';
import { textOf } from '../../src/database/arrays.ts';
import { finished } from '../rights/support.ts';
import type { World } from '../support/world.ts';
import { send } from './ask.ts';
import type { Chance } from './chance.ts';
import { isId, operationsOf, type Operation } from './documents.ts';
import type { MadeWorld } from './made-world.ts';
import { ownersOf } from './rows.ts';
import { byKind, plain, type Sample } from './samples.ts';

export interface Statement {
  sql: string;
  parameters: readonly unknown[];
}

/** Writes down every statement that anything sends from now on, but for the beginnings of transactions, which name no table: the API, its jobs, intake. */
export function logStatements(world: World): Map<string, Statement> {
  const seen = new Map<string, Statement>();
  const { source } = world.system;
  const make = source.createQueryRunner.bind(source);
  source.createQueryRunner = (mode) => {
    const runner = make(mode);
    const query = runner.query.bind(runner);
    runner.query = ((sent: string, parameters?: unknown[], structured?: true) => {
      const sql = textOf(sent);
      if (!seen.has(sql)) seen.set(sql, { sql, parameters: parameters ?? [] });
      return query(sent, parameters, structured as true);
    }) as typeof runner.query;
    return runner;
  };
  return seen;
}

const REFERENCE = /\b(from|join|update|into|using)\s+((?:keys|public)\.)?([a-z_]+)/gi;
const UUID = /^[0-9a-f-]{36}$/;

/** What is wrong with a statement, by DESIGN section 5: whoever reads a tenant's table says whose by a parameter, for each table it names. */
export function fault({ sql, parameters }: Statement, tables: ReadonlySet<string>): string | undefined {
  const named = [...sql.matchAll(REFERENCE)].filter(([, , , table]) => tables.has(table!.toLowerCase()));
  if (!named.length) return undefined;
  const written = named.filter(([, word]) => word!.toLowerCase() === 'into');
  for (const [, , , table] of written) {
    const columns = new RegExp(`into\\s+(?:keys\\.)?${table}(?:\\s+as\\s+\\w+)?\\s*\\(([^)]*)\\)`, 'i').exec(sql)?.[1] ?? '';
    if (!/\btenant_id\b/.test(columns)) return `writes ${table} without its tenant`;
  }
  const asked = [...sql.matchAll(/\btenant_id\s*=\s*(?:\$(\d+)|[a-z_]+\.tenant_id)/gi)];
  if (asked.length < named.length - written.length)
    return `names ${named.length - written.length} tables, and the tenant of ${asked.length}`;
  const numbers = asked.flatMap(([, number]) => (number ? [Number(number)] : []));
  if (named.length > written.length && !numbers.length) return 'names its tenant by no parameter';
  const odd = numbers.find((number) => !UUID.test(String(parameters[number - 1])));
  return odd === undefined ? undefined : `$${odd} is no tenant`;
}

const KIND: Readonly<Record<string, string>> = {
  kid: 'api_keys',
  entryId: 'audit_entries',
  tenantId: 'tenants',
  requestId: 'requests',
  artefactId: 'artefacts',
};
/** The kind of row that an argument names: `userId` a user, `id` what the field is called after. */
const kindOf = (operation: Operation, name: string): string =>
  KIND[name] ?? (name === 'id' ? `${operation.name}s` : `${name.replace(/Id$/, '')}s`);

/** Does everything there is to do, with ids that are there: each operation by tokens of every width, and at last the erasure of an app. */
export async function doEverything(made: MadeWorld, luck: Chance): Promise<void> {
  const kinds = byKind(await ownersOf(made));
  const own = (operation: Operation, name: string, app: string): Sample[] =>
    (kinds.get(kindOf(operation, name)) ?? []).filter(
      (sample) => sample.app === app || (sample.table === 'tenants' && sample.tenant === made.apps[1]!.tenant),
    );
  const operations = operationsOf(await makeSchema());
  const last = ['eraseApp', 'eraseTenant'];
  for (const name of ['everything in app 1', 'TENANT_ADMIN of tenant 0', 'person 0 of app 0', 'person 0 of app 1', 'PROVIDER']) {
    const holder = made.holders.find((one) => one.name === name)!;
    for (const operation of operations.filter((one) => !last.includes(one.name))) {
      const variables: Record<string, unknown> = { ...plain(operation) };
      if (operation.name === 'createApiKey') variables['role'] = 'INTEGRATOR';
      for (const arg of operation.args.filter(isId)) {
        const there = own(operation, arg.name, holder.app ?? made.apps[1]!.id);
        if (there.length && (arg.name !== 'tenantId' || holder.level === 'provider')) variables[arg.name] = luck.pick(there).id;
      }
      await send(made, holder.token, operation.document(Object.keys(variables)), variables);
    }
  }
  const app = made.apps[3]!;
  const admin = made.world.as({ tenant: app.tenant });
  const erasure = await admin(
    'mutation ($id: ID!, $name: String!) { eraseApp(appId: $id, ground: CONTRACT_ENDED, confirm: $name) { id } }',
    { id: app.id, name: app.name },
  );
  await finished(admin, erasure.data.eraseApp.id as string);
}
