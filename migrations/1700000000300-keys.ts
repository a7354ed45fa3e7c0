import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Wrapped keys, in a schema of their own so that a backup can leave them out: what is restored from a backup of the data
 * opens only with the keys that still exist. A subject is whatever has a key of its own: a person, a conversation, an export file, a scan.
 */
export class Keys1700000000300 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query('create schema keys');
    await q.query(
      `do $$ begin execute format('grant usage on schema keys to %I', current_setting('habeas.runtime_role')); end $$`,
    );
    await q.query(`
      create table keys.tenant_keys (
        tenant_id uuid not null primary key,
        master_id text not null,
        wrapped bytea not null,
        created_at timestamptz not null default now()
      )`);
    await q.query('alter table keys.tenant_keys enable row level security');
    await q.query('alter table keys.tenant_keys force row level security');
    await q.query(`create policy scope on keys.tenant_keys
      using (tenant_id = current_setting('habeas.tenant_id')::uuid)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid)`);
    await q.query(`select grant_runtime('keys.tenant_keys', 'select, insert, update, delete')`);

    await q.query(`
      create table keys.subject_keys (
        tenant_id uuid not null,
        subject_id uuid not null,
        app_id uuid,
        wrapped bytea not null,
        created_at timestamptz not null default now(),
        primary key (tenant_id, subject_id)
      ) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0.01)`);
    await q.query('create index subject_keys_app on keys.subject_keys (tenant_id, app_id)');
    await q.query('alter table keys.subject_keys enable row level security');
    await q.query('alter table keys.subject_keys force row level security');
    await q.query(`create policy scope on keys.subject_keys
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and (app_id is null or current_setting('habeas.app_id') in ('', app_id::text)))
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and (app_id is null or current_setting('habeas.app_id') in ('', app_id::text)))`);
    await q.query(`select grant_runtime('keys.subject_keys', 'select, insert, delete')`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop table keys.subject_keys');
    await q.query('drop table keys.tenant_keys');
    await q.query('drop schema keys');
  }
}
