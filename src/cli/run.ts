import { Command, CommanderError } from 'commander';
import { CommandFailed, failureText } from './failure.ts';
import { CALL, forPeople, type Io } from './io.ts';
import { COMMANDS } from './commands.ts';
import { ownVersion } from './version.ts';

/** Runs one command line, without the program's name, and answers the exit code: 0, or 1 where something was refused or failed. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const program = new Command('habeas');
  program
    .description('A self-hosted API that answers the rights of data subjects on messaging data.')
    .version(ownVersion(), '--version', 'print the version')
    .option('--json', 'print JSON, for machines')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .exitOverride()
    .showHelpAfterError(`(${CALL} help lists the commands)`);
  for (const register of COMMANDS) register(program, io);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof CommandFailed) return 1;
    io.err(`${forPeople(failureText(error))}\n`);
    if (io.environment['HABEAS_LOG_LEVEL'] === 'debug' && error instanceof Error) io.err(`${error.stack}\n`);
    return 1;
  }
}
