import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tenants and their apps; the directory lists tenants for the provider, who otherwise enters one tenant at a time. */
export class Tenants1700000000200 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create table tenants (
        tenant_id uuid primary key,
        name text not null,
        deletion_window_days integer not null default 30 check (deletion_window_days between 0 and 3650),
        created_at timestamptz not null default now(),
        contract_ended_at timestamptz
      )`);
    await q.query('alter table tenants enable row level security');
    await q.query('alter table tenants force row level security');
    await q.query(`create policy scope on tenants
      using (tenant_id = current_setting('habeas.tenant_id')::uuid)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid)`);
    await q.query(`select grant_runtime('tenants', 'select, insert, update, delete')`);

    await q.query(`
      create table tenant_directory (
        tenant_id uuid primary key,
        name text not null,
        created_at timestamptz not null default now(),
        erased_at timestamptz
      )`);
    await q.query(`select grant_runtime('tenant_directory', 'select, insert, update')`);

    await q.query(`
      create table apps (
        tenant_id uuid not null references tenants,
        id uuid not null,
        name text not null,
        created_at timestamptz not null default now(),
        erased_at timestamptz,
        primary key (tenant_id, id)
      )`);
    await q.query('alter table apps enable row level security');
    await q.query('alter table apps force row level security');
    await q.query(`create policy scope on apps
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', id::text))
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', id::text))`);
    await q.query(`select grant_runtime('apps', 'select, insert, update, delete')`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop table apps');
    await q.query('drop table tenant_directory');
    await q.query('drop table tenants');
  }
}
