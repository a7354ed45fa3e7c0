import { HOLDINGS } from '../../src/data/holdings.ts';
import { place } from '../../src/data/place.ts';
import { subjectKeys } from '../../src/keys/keyring.ts';
import { unsealText } from '../../src/keys/sealed-value.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import type { World } from '../support/world.ts';

const tables = async (world: World): Promise<string[]> =>
  (
    await world.sql(
      `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('public', 'keys', 'jobs') and c.relkind = 'r'`,
    )
  ).map(({ name }) => name as string);

/** Which of these words stand anywhere in the database: in clear in any column of any table, or as bytes in a sealed one. */
export async function wordsIn(world: World, words: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const table of await tables(world)) {
    const text = (await world.sql(`select t::text as row from ${table} t`))
      .map(({ row }) => row as string)
      .join('\n')
      .toLowerCase();
    for (const word of words)
      if (text.includes(word.toLowerCase()) || text.includes(Buffer.from(word).toString('hex'))) found.push(`${table}: ${word}`);
  }
  return found;
}

/** The names of the tables that hold a UUID in any column. */
export async function tablesWith(world: World, id: string): Promise<string[]> {
  const found: string[] = [];
  for (const table of await tables(world))
    if ((await world.sql(`select 1 from ${table} t where position($1 in t::text) > 0 limit 1`, [id])).length) found.push(table);
  return found;
}

/** Every sealed value that can be opened, by place: who owns it, its stored bytes, and its text. */
export async function readable(
  world: World,
  tenant: string,
): Promise<Map<string, { owner: string; bytes: string; text: string }>> {
  const values = new Map<string, { owner: string; bytes: string; text: string }>();
  await inScope(world.system, { ...world.cli, tenantId: tenant }, async ({ db }) => {
    for (const holding of HOLDINGS) {
      for (const column of holding.columns) {
        if (column.as !== 'sealed' && column.as !== 'sealed-json') continue;
        const rows = (await db.query(
          `select id, ${holding.sealedBy} as owner, ${column.column} as value from ${holding.table} where tenant_id = $1 and ${column.column} is not null`,
          [tenant],
        )) as {
          id: string;
          owner: string;
          value: Buffer;
        }[];
        const keys = await subjectKeys(
          world.system.keys,
          db,
          tenant,
          rows.map(({ owner }) => owner),
        );
        for (const { id, owner, value } of rows) {
          const key = keys.get(owner);
          if (key)
            values.set(`${column.sealed}/${id}`, {
              owner,
              bytes: value.toString('hex'),
              text: unsealText(key, place(tenant, owner, column.sealed, id), value),
            });
        }
      }
    }
  });
  return values;
}
