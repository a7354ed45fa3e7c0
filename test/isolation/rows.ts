import type { MadeWorld, Holder } from './made-world.ts';

/** Whose a row is, by its id, as the database has it: read around every policy. */
export interface Owner {
  tenant: string;
  app: string | null;
  /** The person whose row it is. */
  subject: string | null;
  table: string;
}

/** Every id there is, of every tenant: rows, tenants, apps, keys, audit entries. */
export async function ownersOf({ world }: MadeWorld): Promise<Map<string, Owner>> {
  const columns = (await world.sql(
    `select c.table_schema as schema, c.table_name as table, array_agg(c.column_name::text) as columns from information_schema.columns c
     where c.table_schema = 'public' group by 1, 2 having 'tenant_id' = any (array_agg(c.column_name::text))`,
  )) as { table: string; columns: string[] }[];
  const owners = new Map<string, Owner>();
  for (const { table, columns: has } of columns) {
    const id =
      table === 'tenants' || table === 'tenant_directory'
        ? 'tenant_id'
        : has.includes('id')
          ? 'id'
          : has.includes('kid')
            ? 'kid'
            : undefined;
    if (!id) continue;
    // An entry about an erasure stands in its certificate, which is for whoever may read the request.
    const ofRequest = `(select r.app_id from requests r where r.tenant_id = t.tenant_id and r.id::text = t.targets ->> 'request')`;
    const app = table === 'apps' ? 'id' : table === 'audit_entries' ? ofRequest : has.includes('app_id') ? 'app_id' : 'null';
    const subject = has.includes('user_id') ? 'user_id' : has.includes('subject_id') ? 'subject_id' : 'null';
    const rows = (await world.sql(
      `select ${id} as id, tenant_id as tenant, ${app} as app, ${subject} as subject from ${table} t`,
    )) as unknown as (Owner & { id: string })[];
    for (const { id: key, ...owner } of rows) if (!owners.has(key)) owners.set(key, { ...owner, table });
  }
  return owners;
}

/** Tables whose rows are one person's own, whole: their own token may see them. */
const ABOUT = new Set(['requests', 'artefacts', 'identifiers', 'channel_identities', 'business_links', 'delivery_records']);

/** Whether a token may be told this id, for the rows that the model does not name one by one. `entered`: the tenant that an argument names. */
export function mayName(holder: Holder, owner: Owner, entered: string | undefined): boolean {
  switch (holder.level) {
    case 'provider':
      return (
        owner.tenant === holder.tenant ||
        owner.table.startsWith('tenant') ||
        (owner.tenant === entered && ['apps', 'api_keys', 'requests'].includes(owner.table))
      );
    case 'tenant':
      return owner.tenant === holder.tenant;
    case 'app':
      return owner.tenant === holder.tenant && (owner.app === holder.app || owner.table.startsWith('tenant'));
    case 'user':
      return owner.tenant === holder.tenant && ABOUT.has(owner.table) && owner.subject === holder.person!.id;
  }
}
