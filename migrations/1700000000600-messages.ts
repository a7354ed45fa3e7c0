import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Messages; subject_id is the person whose data a message is first of all and whose key seals it. Null once only its place in a thread is left. */
export class Messages1700000000600 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create table messages (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid not null,
        conversation_id uuid not null,
        author_id uuid,
        subject_id uuid,
        sent_at timestamptz not null,
        edited_at timestamptz,
        deleted_at timestamptz,
        reply_to_id uuid,
        reply_to_external text,
        channel text,
        direction text,
        kind text not null,
        external_id text not null,
        campaign_id text,
        body bytea,
        metadata bytea,
        primary key (tenant_id, id),
        unique (tenant_id, conversation_id, external_id),
        foreign key (tenant_id, conversation_id) references conversations (tenant_id, id)
      )`);
    await q.query('create index messages_conversation on messages (tenant_id, conversation_id, id)');
    await q.query('create index messages_subject on messages (tenant_id, subject_id, id)');
    await q.query('create index messages_author on messages (tenant_id, author_id, id) where author_id <> subject_id');
    await q.query('create index messages_replies on messages (tenant_id, reply_to_id, id) where reply_to_id is not null');
    await q.query(
      'create index messages_waiting on messages (tenant_id, conversation_id, reply_to_external) where reply_to_external is not null',
    );
    await q.query('alter table messages enable row level security');
    await q.query('alter table messages force row level security');
    await q.query(`create policy scope on messages
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', subject_id::text)
          or position(conversation_id::text in current_setting('habeas.opened')) > 0) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', subject_id::text))`);
    await q.query(`select grant_runtime('messages', 'select, insert, update, delete')`);

    await q.query(`
      create table mentions (
        tenant_id uuid not null,
        message_id uuid not null,
        user_id uuid not null,
        app_id uuid not null,
        conversation_id uuid not null,
        primary key (tenant_id, message_id, user_id),
        foreign key (tenant_id, message_id) references messages (tenant_id, id)
      )`);
    await q.query('create index mentions_user on mentions (tenant_id, user_id, message_id)');
    await q.query('alter table mentions enable row level security');
    await q.query('alter table mentions force row level security');
    await q.query(`create policy scope on mentions
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', user_id::text)
          or position(conversation_id::text in current_setting('habeas.opened')) > 0) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', user_id::text)
          or position(conversation_id::text in current_setting('habeas.opened')) > 0))`);
    await q.query(`select grant_runtime('mentions', 'select, insert, update, delete')`);

    await q.query(`
      create table reactions (
        tenant_id uuid not null,
        message_id uuid not null,
        user_id uuid not null,
        emoji text not null,
        app_id uuid not null,
        conversation_id uuid not null,
        reacted_at timestamptz,
        primary key (tenant_id, message_id, user_id, emoji),
        foreign key (tenant_id, message_id) references messages (tenant_id, id)
      )`);
    await q.query('create index reactions_user on reactions (tenant_id, user_id, message_id)');
    await q.query('alter table reactions enable row level security');
    await q.query('alter table reactions force row level security');
    await q.query(`create policy scope on reactions
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', user_id::text)
          or position(conversation_id::text in current_setting('habeas.opened')) > 0) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', user_id::text)
          or position(conversation_id::text in current_setting('habeas.opened')) > 0))`);
    await q.query(`select grant_runtime('reactions', 'select, insert, update, delete')`);

    await q.query(`
      create table attachments (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid not null,
        conversation_id uuid not null,
        message_id uuid not null,
        subject_id uuid,
        external_id text not null,
        name bytea,
        url bytea,
        content_type text,
        size bigint,
        sha256 text,
        stored boolean not null default false,
        created_at timestamptz not null,
        primary key (tenant_id, id),
        unique (tenant_id, message_id, external_id),
        foreign key (tenant_id, message_id) references messages (tenant_id, id)
      )`);
    await q.query('create index attachments_subject on attachments (tenant_id, subject_id, id)');
    await q.query('alter table attachments enable row level security');
    await q.query('alter table attachments force row level security');
    await q.query(`create policy scope on attachments
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', subject_id::text)
          or position(conversation_id::text in current_setting('habeas.opened')) > 0) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', subject_id::text))`);
    await q.query(`select grant_runtime('attachments', 'select, insert, update, delete')`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop table attachments');
    await q.query('drop table reactions');
    await q.query('drop table mentions');
    await q.query('drop table messages');
  }
}
