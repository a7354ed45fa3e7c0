import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['mentions', 'reactions', 'attachments'];

/**
 * Takes away the foreign keys to messages: their checks, one a row and key, were seven eighths of the time in which an erasure deletes messages. What they
 * promised the program keeps by the same locks, a statement each: whoever deletes messages locks them for that first, then deletes what hangs on them; whoever
 * hangs something on a message that was there locks it in share, and finds it gone if it went.
 */
export class MessageReferences1700000001000 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    for (const table of TABLES) await q.query(`alter table ${table} drop constraint ${table}_tenant_id_message_id_fkey`);
  }

  /** The check of what is there already reads as the owner, whom forced policies keep out. */
  async down(q: QueryRunner): Promise<void> {
    for (const table of ['messages', ...TABLES]) await q.query(`alter table ${table} no force row level security`);
    for (const table of TABLES)
      await q.query(
        `alter table ${table} add constraint ${table}_tenant_id_message_id_fkey foreign key (tenant_id, message_id) references messages (tenant_id, id)`,
      );
    for (const table of ['messages', ...TABLES]) await q.query(`alter table ${table} force row level security`);
  }
}
