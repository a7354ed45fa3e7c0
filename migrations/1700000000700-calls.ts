import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Calls with who took part, and delivery records (traffic data). */
export class Calls1700000000700 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create table calls (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid not null,
        conversation_id uuid,
        initiator_id uuid,
        external_id text not null,
        kind text not null,
        started_at timestamptz not null,
        ended_at timestamptz,
        duration_seconds integer,
        primary key (tenant_id, id),
        unique (tenant_id, app_id, external_id),
        foreign key (tenant_id, conversation_id) references conversations (tenant_id, id),
        foreign key (tenant_id, app_id) references apps (tenant_id, id)
      )`);
    await q.query('create index calls_initiator on calls (tenant_id, initiator_id, id)');
    await q.query('create index calls_conversation on calls (tenant_id, conversation_id, id)');
    await q.query('alter table calls enable row level security');
    await q.query('alter table calls force row level security');
    await q.query(`create policy scope on calls
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', initiator_id::text)
          or position(conversation_id::text in current_setting('habeas.opened')) > 0
          or position(id::text in current_setting('habeas.opened')) > 0) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', initiator_id::text))`);
    await q.query(`select grant_runtime('calls', 'select, insert, update, delete')`);

    await q.query(`
      create table call_participants (
        tenant_id uuid not null,
        call_id uuid not null,
        user_id uuid not null,
        app_id uuid not null,
        joined_at timestamptz,
        left_at timestamptz,
        primary key (tenant_id, call_id, user_id),
        foreign key (tenant_id, call_id) references calls (tenant_id, id)
      )`);
    await q.query('create index call_participants_user on call_participants (tenant_id, user_id, call_id)');
    await q.query('alter table call_participants enable row level security');
    await q.query('alter table call_participants force row level security');
    await q.query(`create policy scope on call_participants
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', user_id::text)
          or position(call_id::text in current_setting('habeas.opened')) > 0) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text))`);
    await q.query(`select grant_runtime('call_participants', 'select, insert, update, delete')`);

    await q.query(`
      create table delivery_records (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid not null,
        user_id uuid not null,
        message_id uuid,
        external_id text not null,
        channel text not null,
        source bytea,
        destination bytea,
        status text not null,
        at timestamptz not null,
        primary key (tenant_id, id),
        unique (tenant_id, app_id, external_id),
        foreign key (tenant_id, app_id) references apps (tenant_id, id)
      )`);
    await q.query('create index delivery_records_user on delivery_records (tenant_id, user_id, id)');
    await q.query(
      'create index delivery_records_message on delivery_records (tenant_id, message_id) where message_id is not null',
    );
    await q.query('alter table delivery_records enable row level security');
    await q.query('alter table delivery_records force row level security');
    await q.query(`create policy scope on delivery_records
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text))`);
    await q.query(`select grant_runtime('delivery_records', 'select, insert, update, delete')`);

    await q.query(`
      create function enter_calls(ids uuid[]) returns void language plpgsql as $$
      begin
        if current_setting('habeas.user_id') <> '' then
          execute format('set local habeas.opened = %L', current_setting('habeas.opened') || coalesce((
            select ',' || string_agg(c.id::text, ',') from (
              select p.call_id as id from call_participants p
              where p.tenant_id = current_setting('habeas.tenant_id')::uuid
                and p.user_id = current_setting('habeas.user_id')::uuid and p.call_id = any (ids)
              union
              select c.id from calls c
              where c.tenant_id = current_setting('habeas.tenant_id')::uuid
                and c.initiator_id = current_setting('habeas.user_id')::uuid and c.id = any (ids)) c
            where position(c.id::text in current_setting('habeas.opened')) = 0), ''));
        end if;
      end $$`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop function enter_calls(uuid[])');
    await q.query('drop table delivery_records');
    await q.query('drop table call_participants');
    await q.query('drop table calls');
  }
}
