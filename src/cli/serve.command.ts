import { once } from 'node:events';
import { serve } from '../main.ts';
import { ensureProviderKey } from '../scope/provider-key.ts';
import type { Register } from './command.ts';
import { answer, CALL } from './io.ts';
import { configOf, warnOfUnknownSettings, withSystem } from './with-system.ts';

async function untilStopped(stop: AbortSignal): Promise<void> {
  if (!stop.aborted) await once(stop, 'abort');
}

export const registerServe: Register = (program, io) => {
  program
    .command('serve')
    .description('serve the API and run its jobs, until SIGINT or SIGTERM; makes a provider key on the very first start')
    .action(async (_options, command) => {
      const config = configOf(io);
      warnOfUnknownSettings(io);
      const running = await serve(config, { log: (line) => io.err(`${line}\n`) });
      try {
        const made = await ensureProviderKey(running.system);
        const graphiql = config.graphiql ? `${running.url}/` : null;
        const lines = [`Habeas serves ${running.url}/graphql`, ...(graphiql ? [`GraphiQL:      ${graphiql}`] : [])];
        if (made) {
          lines.push('', 'The provider key, shown this once:', `  kid     ${made.kid}`, `  secret  ${made.secret}`);
          lines.push(`A token of it for an hour:  ${CALL} token issue --key ${made.kid} --ttl 1h`);
        }
        answer(io, command.optsWithGlobals(), { url: running.url, graphiql, ...(made ? { providerKey: made } : {}) }, lines);
        await untilStopped(io.stop);
        io.err('Stopping\n');
      } finally {
        await running.close();
      }
    });
  program
    .command('worker')
    .description('run jobs only, beside servers on the same database, until SIGINT or SIGTERM')
    .action(async (_options, command) => {
      warnOfUnknownSettings(io);
      await withSystem(
        io,
        async () => {
          answer(io, command.optsWithGlobals(), { working: true }, ['Habeas runs jobs']);
          await untilStopped(io.stop);
          io.err('Stopping\n');
        },
        { work: true },
      );
    });
};
