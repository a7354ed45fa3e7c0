import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Record1700000000950 } from './1700000000950-record.ts';

/** Entries of the audit log are written by the program again, in transactions whose statements have a time limit. */
export class RecordInProgram1700000001100 implements MigrationInterface {
  async up(q: QueryRunner): Promise<void> {
    await new Record1700000000950().down(q);
  }

  async down(q: QueryRunner): Promise<void> {
    await new Record1700000000950().up(q);
  }
}
