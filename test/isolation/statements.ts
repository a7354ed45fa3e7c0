import type { World } from '../support/world.ts';

export interface Statement {
  sql: string;
  parameters: readonly unknown[];
}

/** Writes down every statement that anything sends from now on: the API, its jobs, intake. */
export function logStatements(world: World): Map<string, Statement> {
  const seen = new Map<string, Statement>();
  const { source } = world.system;
  const make = source.createQueryRunner.bind(source);
  source.createQueryRunner = (mode) => {
    const runner = make(mode);
    const query = runner.query.bind(runner);
    runner.query = ((sql: string, parameters: unknown[] = [], structured?: true) => {
      if (!seen.has(sql)) seen.set(sql, { sql, parameters });
      return query(sql, parameters, structured as true);
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
