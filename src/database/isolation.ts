import type { DataSource } from 'typeorm';

const names = (rows: readonly { name: string }[]): string => rows.map((row) => row.name).join(', ');

/** What must hold of the runtime role; each finding names what is wrong and the mend. Empty where isolation holds. */
export async function isolationFindings(source: DataSource): Promise<string[]> {
  const findings = await roleFindings(source);
  const open = (await source.query(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'keys') and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)
       and c.relname not in ('migrations', 'tenant_directory') limit 5`,
  )) as { name: string }[];
  if (open.length)
    findings.push(
      `Row-level security is not forced on ${names(open)}. Run as their owner, for each: alter table <name> enable row level security, force row level security`,
    );
  const views = (await source.query(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'keys') and c.relkind in ('v', 'm') and has_table_privilege(c.oid, 'select') limit 5`,
  )) as { name: string }[];
  if (views.length)
    findings.push(
      `The runtime role may read ${names(views)}, which shows rows as its owner sees them; run: revoke all on <name> from <role>`,
    );
  const [version] = (await source.query(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as text`,
  )) as { number: number; text: string }[];
  if ((version?.number ?? 0) < 150_000) findings.push(`PostgreSQL ${version?.text} is too old: 15 or later is needed`);
  return findings;
}

async function roleFindings(source: DataSource): Promise<string[]> {
  const [role] = (await source.query(
    `select quote_ident(rolname) as name, rolsuper, rolbypassrls, rolcreaterole, oid = 10 as first from pg_roles where rolname = current_user`,
  )) as {
    name: string;
    rolsuper: boolean;
    rolbypassrls: boolean;
    rolcreaterole: boolean;
    first: boolean;
  }[];
  // Whoever took its rights away as the other findings say would be locked out of the cluster.
  if (role?.first)
    return [
      `The runtime role ${role.name} is the superuser that the cluster was made with, whom nothing binds: name a role of the server's own in HABEAS_DATABASE_URL, one that owns nothing (docs/operators.md says how to make it)`,
    ];
  const findings: string[] = [];
  if (role?.rolsuper)
    findings.push(
      `The runtime role ${role.name} is a superuser, whom row-level security does not bind; run: alter role ${role.name} nosuperuser`,
    );
  if (role?.rolbypassrls) findings.push(`The runtime role ${role.name} has BYPASSRLS; run: alter role ${role.name} nobypassrls`);
  if (role?.rolcreaterole)
    findings.push(
      `The runtime role ${role.name} has CREATEROLE, by which it could join the owner's role; run: alter role ${role.name} nocreaterole`,
    );
  const powerful = (await source.query(
    `select quote_ident(rolname) as name from pg_roles where (rolsuper or rolbypassrls) and rolname <> current_user and pg_has_role(current_user, oid, 'member') limit 5`,
  )) as { name: string }[];
  // A superuser is a member of every role; that finding says it all.
  if (powerful.length && !role?.rolsuper)
    findings.push(
      `The runtime role can become ${names(powerful)}, whom row-level security does not bind; run: revoke <role> from ${role?.name}`,
    );
  const owned = (await source.query(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'keys') and c.relkind in ('r', 'p') and pg_has_role(current_user, c.relowner, 'member') limit 5`,
  )) as { name: string }[];
  if (owned.length)
    findings.push(
      `The runtime role owns tables (${names(owned)}): HABEAS_DATABASE_URL must be of a role that owns nothing; the owner goes into HABEAS_MIGRATION_URL`,
    );
  else if (!role?.rolsuper) findings.push(...(await otherPossessions(source)));
  return findings;
}

/** Whoever owns a schema may drop what is in it and make it anew, and whoever owns the database owns its schema public; a function decides what a policy sees. */
async function otherPossessions(source: DataSource): Promise<string[]> {
  const owned = (await source.query(
    `select 'database ' || quote_ident(datname) as name from pg_database where datname = current_database() and pg_has_role(current_user, datdba, 'member')
     union all
     select 'schema ' || quote_ident(nspname) from pg_namespace where nspname in ('public', 'keys') and pg_has_role(current_user, nspowner, 'member')
     union all
     (select 'function ' || p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname in ('public', 'keys') and pg_has_role(current_user, p.proowner, 'member') limit 3)`,
  )) as { name: string }[];
  return owned.map(
    ({ name }) =>
      `The runtime role owns the ${name}, by which it could replace what isolates tenants; run: alter ${name} owner to <the role of HABEAS_MIGRATION_URL>`,
  );
}

/** Refuses to go on where one tenant could see another's rows. */
export async function checkIsolation(source: DataSource): Promise<void> {
  const findings = await isolationFindings(source);
  if (findings.length)
    throw new Error(`Refusing to start, isolation would not hold:\n${findings.map((finding) => `- ${finding}`).join('\n')}`);
}
