import type { Session } from '../../scope/in-scope.ts';
import { inScope } from '../../scope/in-scope.ts';
import type { Scope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';

/** Notes the names of files that must go once this transaction has committed. */
export async function doom({ db, scope }: Session, names: readonly string[]): Promise<void> {
  if (names.length)
    await db.query('insert into doomed_files (tenant_id, name) select $1, unnest($2::text[]) on conflict do nothing', [
      scope.tenantId,
      names,
    ]);
}

/** Removes from the store what was doomed, in this process or in one that was killed before it came to it. Answers how many files there were. */
export async function removeDoomed(system: System, scope: Scope): Promise<number> {
  let removed = 0;
  for (;;) {
    const rows = (await inScope(system, scope, ({ db }) =>
      db.query('select name from doomed_files where tenant_id = $1 order by name limit 1000', [scope.tenantId]),
    )) as { name: string }[];
    if (!rows.length) return removed;
    for (const { name } of rows) if (await system.files.remove(name)) removed += 1;
    await inScope(system, scope, ({ db }) =>
      db.query('delete from doomed_files where tenant_id = $1 and name = any ($2)', [
        scope.tenantId,
        rows.map((row) => row.name),
      ]),
    );
  }
}
