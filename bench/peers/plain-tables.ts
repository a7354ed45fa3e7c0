/**
 * The peers' tables: the same rows in plain text, with the keys and indexes of ours, and the policies of ours under other names.
 * The comments stand for foreign keys that would cost the peers time and that PostGraphile makes its edges from.
 */
const scoped = `tenant_id = current_setting('peer.tenant_id')::uuid and current_setting('peer.app_id') in ('', app_id::text)`;

export const PLAIN_TABLES = `
create schema plain;
create table plain.users (
  tenant_id uuid not null, id uuid not null, app_id uuid not null, external_id text not null, kind text not null,
  display_name text, email text,
  primary key (tenant_id, id), unique (tenant_id, app_id, external_id));
create table plain.conversations (
  tenant_id uuid not null, id uuid not null, app_id uuid not null, external_id text not null, kind text not null, name text, subject_id uuid,
  primary key (tenant_id, id), unique (tenant_id, app_id, external_id));
create table plain.participants (
  tenant_id uuid not null, conversation_id uuid not null, user_id uuid not null, app_id uuid not null,
  primary key (tenant_id, conversation_id, user_id),
  foreign key (tenant_id, conversation_id) references plain.conversations, foreign key (tenant_id, user_id) references plain.users);
create index on plain.participants (tenant_id, user_id, conversation_id);
create table plain.messages (
  tenant_id uuid not null, id uuid not null, app_id uuid not null, conversation_id uuid not null, author_id uuid, subject_id uuid,
  sent_at timestamptz not null, edited_at timestamptz, deleted_at timestamptz, reply_to_id uuid, reply_to_external text,
  channel text, direction text, kind text not null, external_id text not null, campaign_id text, body text, metadata text,
  primary key (tenant_id, id), unique (tenant_id, conversation_id, external_id),
  foreign key (tenant_id, conversation_id) references plain.conversations);
create index on plain.messages (tenant_id, conversation_id, id);
create index on plain.messages (tenant_id, subject_id, id);
create index on plain.messages (tenant_id, author_id, id) where author_id <> subject_id;
create index on plain.messages (tenant_id, reply_to_id, id) where reply_to_id is not null;
create index on plain.messages (tenant_id, conversation_id, reply_to_external) where reply_to_external is not null;
comment on table plain.messages is E'@foreignKey (tenant_id, subject_id) references plain.users (tenant_id, id)|@fieldName subject|@foreignFieldName messages\\n@foreignKey (tenant_id, author_id) references plain.users (tenant_id, id)|@fieldName author|@foreignFieldName written';
${['users', 'conversations', 'participants', 'messages']
  .map(
    (table) => `alter table plain.${table} enable row level security; create policy scope on plain.${table} using (${scoped});`,
  )
  .join('\n')}
grant usage on schema plain to habeas_app;
grant select on all tables in schema plain to habeas_app;
`;
