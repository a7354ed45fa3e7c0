import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Conversations and who takes part in them. A user token sees a conversation once enter_conversations has opened it. */
export class Conversations1700000000500 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create table conversations (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid not null,
        external_index bytea not null,
        external_id bytea not null,
        kind text not null check (kind in ('DIRECT', 'PRIVATE_GROUP', 'PUBLIC_GROUP', 'PERSONAL')),
        name bytea,
        subject_id uuid,
        created_at timestamptz,
        archived_at timestamptz,
        primary key (tenant_id, id),
        unique (tenant_id, app_id, external_index),
        foreign key (tenant_id, app_id) references apps (tenant_id, id)
      )`);
    await q.query('create index conversations_subject on conversations (tenant_id, subject_id) where subject_id is not null');
    await q.query('alter table conversations enable row level security');
    await q.query('alter table conversations force row level security');
    await q.query(`create policy scope on conversations
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') = ''
          or position(id::text in current_setting('habeas.opened')) > 0) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text))`);
    await q.query(`select grant_runtime('conversations', 'select, insert, update, delete')`);

    await q.query(`
      create table participants (
        tenant_id uuid not null,
        conversation_id uuid not null,
        user_id uuid not null,
        app_id uuid not null,
        role text,
        joined_at timestamptz,
        left_at timestamptz,
        primary key (tenant_id, conversation_id, user_id),
        foreign key (tenant_id, conversation_id) references conversations (tenant_id, id),
        foreign key (tenant_id, user_id) references users (tenant_id, id)
      )`);
    await q.query('create index participants_user on participants (tenant_id, user_id, conversation_id)');
    await q.query('alter table participants enable row level security');
    await q.query('alter table participants force row level security');
    await q.query(`create policy scope on participants
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', user_id::text)
          or position(conversation_id::text in current_setting('habeas.opened')) > 0) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text))`);
    await q.query(`select grant_runtime('participants', 'select, insert, update, delete')`);

    // Opens conversations that the person of this scope takes part in, and calls they took part in; an id that is not theirs stays closed.
    await q.query(`
      create function enter_conversations(ids uuid[]) returns void language plpgsql as $$
      begin
        if current_setting('habeas.user_id') <> '' then
          execute format('set local habeas.opened = %L', current_setting('habeas.opened') || coalesce((
            select ',' || string_agg(p.conversation_id::text, ',') from participants p
            where p.tenant_id = current_setting('habeas.tenant_id')::uuid
              and p.user_id = current_setting('habeas.user_id')::uuid
              and p.conversation_id = any (ids)
              and position(p.conversation_id::text in current_setting('habeas.opened')) = 0), ''));
        end if;
      end $$`);

    // Opens the names of people whom rows already open to this scope speak of; only displayNames() in src/data/user calls it.
    await q.query(`
      create function enter_people(ids uuid[]) returns void language plpgsql as $$
      begin
        if current_setting('habeas.user_id') <> '' then
          execute format('set local habeas.opened = %L', current_setting('habeas.opened') || ',' || array_to_string(ids, ','));
        end if;
      end $$`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop function enter_people(uuid[])');
    await q.query('drop function enter_conversations(uuid[])');
    await q.query('drop table participants');
    await q.query('drop table conversations');
  }
}
