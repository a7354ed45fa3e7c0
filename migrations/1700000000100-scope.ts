import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The functions through which every transaction states its scope. They run as the caller and read only what the caller may read.
 * `set local` inside a function behaves the same on plain PostgreSQL, behind a transaction pooler and on Citus.
 */
export class Scope1700000000100 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create function grant_runtime(relation text, privileges text) returns void language plpgsql as $$
      begin
        execute format('grant %s on %s to %I', privileges, relation, current_setting('habeas.runtime_role'));
      end $$`);
    await q.query('revoke all on function grant_runtime(text, text) from public');
    await q.query(`
      create function enter_scope(tenant uuid, app text, usr text) returns void language plpgsql as $$
      begin
        perform set_config('citus.propagate_set_commands', 'local', true);
        execute format('set local habeas.tenant_id = %L', tenant);
        execute format('set local habeas.app_id = %L', app);
        execute format('set local habeas.user_id = %L', usr);
        execute format('set local habeas.opened = %L', '');
      end $$`);
    await q.query(
      `do $$ begin execute format('grant usage on schema public to %I', current_setting('habeas.runtime_role')); end $$`,
    );
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop function enter_scope(uuid, text, text)');
    await q.query('drop function grant_runtime(text, text)');
  }
}
