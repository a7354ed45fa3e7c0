import type { MigrationInterface, QueryRunner } from 'typeorm';

/** API keys, which sign tokens, and the deny list of single tokens. The provider's keys belong to the nil tenant. */
export class ApiKeys1700000000350 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await q.query(`
      create table api_keys (
        tenant_id uuid not null,
        kid text not null,
        app_id uuid,
        level text not null check (level in ('user', 'app', 'tenant', 'provider')),
        name text not null,
        permissions text[] not null,
        algorithm text not null check (algorithm in ('HS256', 'RS256', 'ES256')),
        secret bytea,
        public_key text,
        max_token_seconds integer not null check (max_token_seconds between 60 and 31536000),
        created_at timestamptz not null default now(),
        revoked_at timestamptz,
        replaced_by text,
        primary key (tenant_id, kid),
        check ((algorithm = 'HS256') = (secret is not null) and (algorithm = 'HS256') = (public_key is null))
      )`);
    await q.query('alter table api_keys enable row level security');
    await q.query('alter table api_keys force row level security');
    await q.query(`create policy scope on api_keys
      using (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') = '')
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid
        and current_setting('habeas.app_id') in ('', app_id::text)
        and current_setting('habeas.user_id') = '')`);
    await q.query(`select grant_runtime('api_keys', 'select, insert, update, delete')`);

    await q.query(`
      create table denied_tokens (
        tenant_id uuid not null,
        jti text not null,
        expires_at timestamptz not null,
        primary key (tenant_id, jti)
      )`);
    await q.query('alter table denied_tokens enable row level security');
    await q.query('alter table denied_tokens force row level security');
    await q.query(`create policy scope on denied_tokens
      using (tenant_id = current_setting('habeas.tenant_id')::uuid)
      with check (tenant_id = current_setting('habeas.tenant_id')::uuid)`);
    await q.query(`select grant_runtime('denied_tokens', 'select, insert, delete')`);
  }

  async down(q: QueryRunner): Promise<void> {
    await q.query('drop table denied_tokens');
    await q.query('drop table api_keys');
  }
}
