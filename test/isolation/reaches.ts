import { send } from './ask.ts';
import type { MadeWorld } from './made-world.ts';
import type { Reach } from './row-model.ts';

/** Scopes of every width: both tenants, two apps, two people. */
export function reachesOf({ apps }: MadeWorld): Reach[] {
  const [first, second, third] = [apps[0]!, apps[1]!, apps[2]!];
  return [
    { tenant: first.tenant, app: null, user: null },
    { tenant: third.tenant, app: null, user: null },
    ...[first, second].map(({ tenant, id }) => ({ tenant, app: id, user: null })),
    ...first.people.slice(0, 2).map(({ id }) => ({ tenant: first.tenant, app: first.id, user: id })),
  ];
}

/** Rows in tables that this world has none of, or not for long, so that there is something to see. */
export async function plantRows(made: MadeWorld): Promise<void> {
  const { world, tenants, holders } = made;
  for (const { id } of tenants) {
    await world.sql(`insert into denied_tokens values ($1, 'planted', now() + interval '1 day') on conflict do nothing`, [id]);
    await world.sql(`insert into doomed_files values ($1, 'planted') on conflict do nothing`, [id]);
    await world.sql(`insert into audit_unpublished values ($1, 1) on conflict do nothing`, [id]);
    await world.sql(
      `insert into download_links (tenant_id, id, app_id, artefact_id, token_hash, scope, expires_at)
       select tenant_id, id, app_id, id, '', '{}', now() from artefacts where tenant_id = $1 on conflict do nothing`,
      [id],
    );
    // An entry of the log that waits to be sealed.
    const admin = holders.find(({ name, tenant }) => tenant === id && name.startsWith('TENANT_ADMIN'))!;
    await send(made, admin.token, '{ apiKeys { kid } }', {});
  }
}
