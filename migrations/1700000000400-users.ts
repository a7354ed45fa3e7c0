import type { MigrationInterface, QueryRunner } from 'typeorm';

/** People, by whatever name a platform knows them. Sealed columns are bytea; see src/keys. */
export class Users1700000000400 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create table users (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid not null,
        external_index bytea not null,
        external_id bytea not null,
        kind text not null check (kind in ('END_USER', 'AGENT', 'BOT')),
        profile bytea not null,
        metadata bytea not null,
        signed_up_at timestamptz,
        last_active_at timestamptz,
        deactivated_at timestamptz,
        restricted_at timestamptz,
        erased_at timestamptz,
        created_at timestamptz not null default now(),
        primary key (tenant_id, id),
        unique (tenant_id, app_id, external_index),
        foreign key (tenant_id, app_id) references apps (tenant_id, id)
      )`);
    await q.query('alter table users enable row level security');
    await q.query('alter table users force row level security');
    await q.query(`create policy scope on users
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and (current_setting('habeas.user_id') in ('', id::text)
          or position(id::text in current_setting('habeas.opened')) > 0) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', id::text))`);
    await q.query(`select grant_runtime('users', 'select, insert, update, delete')`);

    await q.query(`
      create table identifiers (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid not null,
        user_id uuid not null,
        type text not null,
        blind_index bytea not null,
        value bytea not null,
        verified_at timestamptz,
        primary key (tenant_id, id),
        unique (tenant_id, user_id, type, blind_index),
        foreign key (tenant_id, user_id) references users (tenant_id, id)
      )`);
    await q.query('create index identifiers_lookup on identifiers (tenant_id, type, blind_index)');
    await q.query('alter table identifiers enable row level security');
    await q.query('alter table identifiers force row level security');
    await q.query(`create policy scope on identifiers
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text))`);
    await q.query(`select grant_runtime('identifiers', 'select, insert, update, delete')`);

    await q.query(`
      create table channel_identities (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid not null,
        user_id uuid not null,
        channel text not null,
        external_index bytea not null,
        external_id bytea not null,
        display_name bytea,
        raw bytea,
        status text,
        linked_at timestamptz,
        last_seen_at timestamptz,
        primary key (tenant_id, id),
        unique (tenant_id, user_id, channel, external_index),
        foreign key (tenant_id, user_id) references users (tenant_id, id)
      )`);
    await q.query('alter table channel_identities enable row level security');
    await q.query('alter table channel_identities force row level security');
    await q.query(`create policy scope on channel_identities
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text))`);
    await q.query(`select grant_runtime('channel_identities', 'select, insert, update, delete')`);

    await q.query(`
      create table business_links (
        tenant_id uuid not null,
        id uuid not null,
        app_id uuid not null,
        user_id uuid not null,
        system text not null,
        reference_index bytea not null,
        reference bytea not null,
        created_at timestamptz not null default now(),
        primary key (tenant_id, id),
        unique (tenant_id, user_id, system, reference_index),
        foreign key (tenant_id, user_id) references users (tenant_id, id)
      )`);
    await q.query('alter table business_links enable row level security');
    await q.query('alter table business_links force row level security');
    await q.query(`create policy scope on business_links
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and case when current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text) then true else false end)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') in ('', user_id::text))`);
    await q.query(`select grant_runtime('business_links', 'select, insert, update, delete')`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop table business_links');
    await q.query('drop table channel_identities');
    await q.query('drop table identifiers');
    await q.query('drop table users');
  }
}
