import type { MigrationInterface, QueryRunner } from 'typeorm';

const WITHIN_TENANT = `tenant_id = current_setting('habeas.tenant_id')::uuid`;
const TENANT_WIDE = `${WITHIN_TENANT} and current_setting('habeas.app_id') = '' and current_setting('habeas.user_id') = ''`;

/**
 * The audit log. Nobody may change or delete an entry, a leaf, a node or a checkpoint, hence no such grants; what is still to be
 * done (sealing, publishing) are rows of their own. No foreign keys: the log outlives the tenant and the people it speaks of.
 */
export class Audit1700000000900 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create table audit_entries (
        tenant_id uuid not null,
        id uuid not null,
        at timestamptz not null,
        actor_key text not null,
        actor_subject text,
        actor_scope text not null,
        actor_app text,
        actor_user text,
        act text not null,
        outcome text not null check (outcome in ('DONE', 'DENIED', 'FAILED')),
        request_id text,
        targets jsonb not null,
        body text not null,
        primary key (tenant_id, id)
      )`);
    await q.query(
      `create table audit_pending (tenant_id uuid not null, entry_id uuid not null, primary key (tenant_id, entry_id))`,
    );
    await q.query(`create table audit_trees (tenant_id uuid primary key)`);
    await q.query(`
      create table audit_leaves (
        tenant_id uuid not null,
        leaf_index bigint not null,
        entry_id uuid not null,
        leaf_hash bytea not null,
        primary key (tenant_id, leaf_index)
      )`);
    await q.query(`create unique index audit_leaves_entry on audit_leaves (tenant_id, entry_id)`);
    await q.query(`
      create table audit_nodes (
        tenant_id uuid not null,
        level smallint not null,
        position bigint not null,
        hash bytea not null,
        primary key (tenant_id, level, position)
      )`);
    await q.query(`
      create table audit_checkpoints (
        tenant_id uuid not null,
        size bigint not null,
        previous_size bigint not null,
        root bytea not null,
        at timestamptz not null,
        peaks bytea not null,
        leaves bytea not null,
        key_id text not null,
        public_key text not null,
        signature bytea not null,
        primary key (tenant_id, size)
      )`);
    await q.query(
      `create table audit_unpublished (tenant_id uuid not null, size bigint not null, primary key (tenant_id, size))`,
    );

    for (const table of ['audit_entries', 'audit_pending']) {
      await secure(q, table);
      await q.query(`create policy append on ${table} for insert with check (${WITHIN_TENANT})`);
      await q.query(`create policy read on ${table} for select using (${TENANT_WIDE})`);
    }
    await q.query(`create policy sealed on audit_pending for delete using (${TENANT_WIDE})`);
    for (const table of ['audit_trees', 'audit_leaves', 'audit_nodes', 'audit_checkpoints', 'audit_unpublished']) {
      await secure(q, table);
      await q.query(`create policy scope on ${table} using (${TENANT_WIDE}) with check (${TENANT_WIDE})`);
    }
    for (const table of ['audit_entries', 'audit_leaves', 'audit_nodes', 'audit_checkpoints']) {
      await q.query(`select grant_runtime('${table}', 'select, insert')`);
    }
    await q.query(`select grant_runtime('audit_pending', 'select, insert, delete')`);
    await q.query(`select grant_runtime('audit_unpublished', 'select, insert, delete')`);
    // A tree has nothing to update, but PostgreSQL asks for the privilege before it gives a row lock.
    await q.query(`select grant_runtime('audit_trees', 'select, insert, update')`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop table audit_unpublished');
    await q.query('drop table audit_checkpoints');
    await q.query('drop table audit_nodes');
    await q.query('drop table audit_leaves');
    await q.query('drop table audit_trees');
    await q.query('drop table audit_pending');
    await q.query('drop table audit_entries');
  }
}

async function secure(q: QueryRunner, table: string): Promise<void> {
  await q.query(`alter table ${table} enable row level security`);
  await q.query(`alter table ${table} force row level security`);
}
