import { migrate, migrateDown } from '../database/migrate.ts';
import { Refusal } from '../errors.ts';
import { openDatabase } from '../main.ts';
import type { Register } from './command.ts';
import { answer } from './io.ts';
import { configOf, roleOf } from './with-system.ts';

export const registerMigrate: Register = (program, io) => {
  program
    .command('migrate')
    .description('bring the database schema up to date, as the role of HABEAS_MIGRATION_URL')
    .option('--down', 'take the newest migration back instead; what its tables hold is lost')
    .action(async (options: { down?: boolean }, command) => {
      const database = await openDatabase(configOf(io), (line) => io.err(`${line}\n`));
      try {
        if (!database.migrationUrl)
          throw new Refusal('INVALID_INPUT', 'Set HABEAS_MIGRATION_URL to the URL of the role that owns the tables.');
        const role = roleOf(database.runtimeUrl);
        if (options.down) {
          const undone = await migrateDown(database.migrationUrl, role);
          answer(io, command.optsWithGlobals(), { undone: undone ?? null }, [
            undone ? `Took back ${undone}.` : 'There is no migration to take back.',
          ]);
        } else {
          const applied = await migrate(database.migrationUrl, role);
          answer(io, command.optsWithGlobals(), { applied }, [
            ...applied.map((name) => `Applied ${name}.`),
            'The schema is up to date.',
          ]);
        }
      } finally {
        await database.stop();
      }
    });
};
