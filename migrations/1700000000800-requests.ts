import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Requests under the data-subject rights, what they leave behind, and the ledger of what was erased. */
export class Requests1700000000800 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create table requests (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid,
        type text not null check (type in ('ACCESS', 'RECTIFICATION', 'ERASURE', 'RESTRICTION', 'PORTABILITY', 'OBJECTION', 'APP_EXPORT')),
        target text not null check (target in ('USER', 'CONVERSATION', 'MESSAGE', 'APP', 'TENANT')),
        target_id uuid not null,
        subject_id uuid,
        status text not null,
        ground text,
        options jsonb not null default '{}',
        stage text,
        done bigint not null default 0,
        total bigint,
        counts jsonb not null default '{}',
        residual jsonb,
        needles bytea,
        error text,
        received_at timestamptz not null default now(),
        due_at timestamptz not null,
        unreadable_at timestamptz,
        completed_at timestamptz,
        requested_by text not null,
        primary key (tenant_id, id)
      )`);
    await q.query(`create unique index requests_open on requests (tenant_id, target_id)
      where type = 'ERASURE' and status in ('RECEIVED', 'AWAITING_IDENTITY', 'READY', 'SCHEDULED', 'RUNNING')`);
    await q.query('create index requests_target on requests (tenant_id, target_id)');
    await q.query('create index requests_subject on requests (tenant_id, subject_id, id)');
    await q.query('alter table requests enable row level security');
    await q.query('alter table requests force row level security');
    await q.query(`create policy scope on requests
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', subject_id::text))
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', subject_id::text))`);
    await q.query(`select grant_runtime('requests', 'select, insert, update, delete')`);

    await q.query(`
      create table artefacts (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid,
        request_id uuid not null,
        subject_id uuid,
        covers_app boolean not null default false,
        file_name text not null,
        content_type text not null,
        size bigint not null,
        sha256 text not null,
        manifest jsonb not null,
        created_at timestamptz not null default now(),
        expires_at timestamptz not null,
        deleted_at timestamptz,
        primary key (tenant_id, id),
        foreign key (tenant_id, request_id) references requests (tenant_id, id)
      )`);
    await q.query('create index artefacts_request on artefacts (tenant_id, request_id)');
    await q.query('create index artefacts_expiry on artefacts (tenant_id, expires_at) where deleted_at is null');
    await q.query('alter table artefacts enable row level security');
    await q.query('alter table artefacts force row level security');
    await q.query(`create policy scope on artefacts
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', subject_id::text))
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', subject_id::text))`);
    await q.query(`select grant_runtime('artefacts', 'select, insert, update, delete')`);

    await q.query(`
      create table artefact_subjects (
        tenant_id uuid not null,
        artefact_id uuid not null,
        subject_id uuid not null,
        app_id uuid not null,
        primary key (tenant_id, artefact_id, subject_id),
        foreign key (tenant_id, artefact_id) references artefacts (tenant_id, id)
      )`);
    await q.query('create index artefact_subjects_subject on artefact_subjects (tenant_id, subject_id)');
    await q.query('alter table artefact_subjects enable row level security');
    await q.query('alter table artefact_subjects force row level security');
    await q.query(`create policy scope on artefact_subjects
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text))
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text))`);
    await q.query(`select grant_runtime('artefact_subjects', 'select, insert, update, delete')`);

    await q.query(`
      create table download_links (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid,
        artefact_id uuid not null,
        token_hash bytea not null,
        session_hash bytea,
        scope jsonb not null,
        created_at timestamptz not null default now(),
        expires_at timestamptz not null,
        opened_at timestamptz,
        primary key (tenant_id, id),
        foreign key (tenant_id, artefact_id) references artefacts (tenant_id, id)
      )`);
    await q.query('alter table download_links enable row level security');
    await q.query('alter table download_links force row level security');
    await q.query(`create policy scope on download_links
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text))
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text))`);
    await q.query(`select grant_runtime('download_links', 'select, insert, update, delete')`);

    await q.query(`
      create table erasures (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid,
        target text not null,
        target_id uuid not null,
        external_index bytea,
        request_id uuid not null,
        erased_at timestamptz not null default now(),
        primary key (tenant_id, id)
      )`);
    await q.query('create index erasures_target on erasures (tenant_id, target_id)');
    // Intake asks whether an app has any single message erased at all, before it computes an index for each message.
    await q.query(`create index erasures_messages on erasures (tenant_id, app_id) where target = 'MESSAGE'`);
    await q.query('create index erasures_external on erasures (tenant_id, app_id, external_index)');
    await q.query('alter table erasures enable row level security');
    await q.query('alter table erasures force row level security');
    await q.query(`create policy scope on erasures
      using (tenant_id = current_setting('habeas.tenant_id')::uuid)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid)`);
    await q.query(`select grant_runtime('erasures', 'select, insert')`);

    // Files whose rows are deleted already: their names survive a crash here until the store has let go of them.
    await q.query(`create table doomed_files (tenant_id uuid not null, name text not null, primary key (tenant_id, name))`);
    await q.query('alter table doomed_files enable row level security');
    await q.query('alter table doomed_files force row level security');
    await q.query(`create policy scope on doomed_files
      using (tenant_id = current_setting('habeas.tenant_id')::uuid)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid)`);
    await q.query(`select grant_runtime('doomed_files', 'select, insert, delete')`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop table doomed_files');
    await q.query('drop table erasures');
    await q.query('drop table download_links');
    await q.query('drop table artefact_subjects');
    await q.query('drop table artefacts');
    await q.query('drop table requests');
  }
}
