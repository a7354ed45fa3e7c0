import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How entries of the audit log are written: within a transaction, or by a call that is one of its own. */
export class Record1700000000950 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create function record_entries(tenant uuid, bodies text[]) returns void language sql as $$
        with entry as (
          select body, body::jsonb as it from unnest(bodies) as body
        ), waiting as (
          insert into audit_pending (tenant_id, entry_id) select tenant, (it->>'id')::uuid from entry
        )
        insert into audit_entries (tenant_id, id, at, actor_key, actor_subject, actor_scope, actor_app, actor_user,
                                   act, outcome, request_id, targets, body)
        select tenant, (it->>'id')::uuid, (it->>'at')::timestamptz, it->'actor'->>'key', it->'actor'->>'subject',
               it->'actor'->>'scope', it->'actor'->>'app', it->'actor'->>'user',
               it->>'act', it->>'outcome', it->>'requestId', it->'targets', body
        from entry
      $$`);
    await q.query(`
      create function enter_and_record(tenant uuid, bodies text[]) returns void language plpgsql as $$
      begin
        perform enter_scope(tenant, '', '');
        perform record_entries(tenant, bodies);
      end $$`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop function enter_and_record(uuid, text[])');
    await q.query('drop function record_entries(uuid, text[])');
  }
}
