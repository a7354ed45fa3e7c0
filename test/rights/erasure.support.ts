import type { World } from '../support/world.ts';

export const ERASE_USER = `mutation ($user: ID!, $deep: Boolean = false, $note: String) {
  eraseUser(userId: $user, ground: CONSENT_WITHDRAWN, deepScan: $deep, note: $note) { id status unreadableAt subjectId ground }
}`;

/** Waits for a request to come to its end, and answers its row. */
export async function finished(world: World, id: string): Promise<Record<string, unknown>> {
  for (let tries = 0; tries < 300; tries += 1) {
    const [row] = await world.sql('select * from requests where id = $1', [id]);
    if (row && !['SCHEDULED', 'RUNNING', 'READY'].includes(row['status'] as string)) return row;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(
    `the request ${id} did not end: ${JSON.stringify((await world.sql('select status, stage, error, counts from requests where id = $1', [id]))[0])}`,
  );
}

/** Every value of every row of every table, as text: what a dump of the database would show. */
export async function dump(world: World): Promise<string> {
  const tables = await world.sql(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('public', 'keys', 'jobs') and c.relkind = 'r'`,
  );
  const parts: string[] = [];
  for (const { name } of tables) {
    const rows = await world.sql(`select t::text as row from ${name as string} t`);
    parts.push(`${name as string}\n${rows.map(({ row }) => row as string).join('\n')}`);
  }
  return parts.join('\n');
}
