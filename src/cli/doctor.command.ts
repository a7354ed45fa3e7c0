import { runtimeSource } from '../../ormconfig.ts';
import { unknownSettings, type Config } from '../config.ts';
import { databaseFindings, keyFileFindings, storeFindings, type Finding } from '../database/doctor.ts';
import { openDatabase } from '../main.ts';
import { holdsKeys } from '../scope/in-scope.ts';
import type { Register } from './command.ts';
import { CommandFailed, failureText } from './failure.ts';
import { answer, type Io } from './io.ts';
import { configOf } from './with-system.ts';

/** Everything that can be looked at is looked at, also where the database is in no state to be used. */
async function examine(config: Config, io: Io): Promise<Finding[]> {
  const findings: Finding[] = unknownSettings(io.environment).map((name) => ({
    severity: 'warning',
    area: 'settings',
    text: `${name} is not a setting of Habeas, and is ignored`,
  }));
  try {
    const database = await openDatabase(config, (line) => io.err(`${line}\n`));
    try {
      const source = await runtimeSource(database.runtimeUrl, 2).initialize();
      try {
        findings.push(...(await databaseFindings(source, Date.now, Boolean(database.migrationUrl))));
        const unusable = findings.some(({ area }) => area === 'migrations' || area === 'database');
        const held = await holdsKeys(source).catch((error: unknown) => {
          // Before the first migration there is nothing to ask, and nothing held.
          if (unusable) return false;
          throw error;
        });
        findings.push(...(await keyFileFindings(config.keys, held)));
      } finally {
        await source.destroy();
      }
    } finally {
      await database.stop();
    }
  } catch (error) {
    findings.push({ severity: 'error', area: 'database', text: failureText(error).replace(/^UNAVAILABLE: /, '') });
  }
  // After the database: an embedded one is made only in a home that is empty or its own.
  findings.push(...(await storeFindings(config.files)));
  return findings;
}

export const registerDoctor: Register = (program, io) => {
  program
    .command('doctor')
    .description('look for what would break isolation or running, and say how to mend it; exit code 1 where something would')
    .action(async (_options, command) => {
      const findings = await examine(configOf(io), io);
      const healthy = !findings.some((finding) => finding.severity === 'error');
      answer(io, command.optsWithGlobals(), { healthy, findings }, [
        ...findings.map((finding) => `${finding.severity === 'error' ? 'ERROR  ' : 'warning'}  ${finding.area}: ${finding.text}`),
        healthy ? (findings.length ? 'Habeas can run; mind the warnings.' : 'All is well.') : 'Habeas should not run like this.',
      ]);
      if (!healthy) throw new CommandFailed();
    });
};
