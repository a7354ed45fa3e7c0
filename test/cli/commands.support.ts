import { openWorld, type World } from '../support/world.ts';
import { commandLine, type CommandLine } from './command-line.ts';

/** A running server, and the command line of the operator beside it. */
export async function openCommandLine(): Promise<{ world: World; habeas: CommandLine }> {
  const world = await openWorld({ work: false });
  const habeas = commandLine({
    HABEAS_DATABASE_URL: world.database.runtimeUrl,
    HABEAS_MIGRATION_URL: world.database.ownerUrl,
    HABEAS_HOME: world.home,
    HABEAS_LOG_LEVEL: 'error',
  });
  return { world, habeas };
}
