import { recordAct } from '../audit/act.ts';
import { residualOf } from '../rights/erasure/certificate.service.ts';
import { ErasureGround } from '../rights/erasure/ground.entity.ts';
import { replayErasures } from '../rights/erasure/replay.ts';
import { eraseUser } from '../rights/erasure/user-erasure.service.ts';
import { inScope } from '../scope/in-scope.ts';
import type { Register } from './command.ts';
import { answer } from './io.ts';
import { oneOf } from './options.ts';
import { livingTenants, scopeOfPerson, untilDone } from './person.ts';
import { commandScope, uuidOf, withSystem } from './with-system.ts';

interface EraseOptions {
  ground: string;
  note?: string;
  deep?: boolean;
  tenant?: string;
}

export const registerErase: Register = (program, io) => {
  program
    .command('erase')
    .description('erase what is held; it cannot be undone')
    .command('user')
    .description('erase a person with everything held about them (Art. 17): unreadable at once, gone when this ends')
    .argument('<id>', 'the person')
    .option('--ground <ground>', Object.values(ErasureGround).join(', '), ErasureGround.NO_LONGER_NECESSARY)
    .option('--note <text>', 'kept with the request; it outlives the person, so name nobody')
    .option('--deep', "also look for them in other people's words, in the conversations they took part in")
    .option('--tenant <id>', 'the tenant; without one it is looked for')
    .action(async (id: string, options: EraseOptions, command) => {
      const ground = oneOf('--ground', options.ground.toUpperCase(), Object.values(ErasureGround));
      await withSystem(
        io,
        async (system) => {
          const scope = await scopeOfPerson(system, id, options.tenant);
          const opened = await inScope(system, scope, (session) =>
            eraseUser(session, id.toLowerCase(), {
              ground,
              deepScan: options.deep ?? false,
              ...(options.note ? { note: options.note } : {}),
            }),
          );
          const done = await untilDone(system, scope, opened.id, io);
          const residual = await inScope(system, scope, (session) => residualOf(session, opened.id));
          answer(io, command.optsWithGlobals(), { request: done.id, status: done.status, counts: done.counts, residual }, [
            `Erased ${id} (request ${done.id}, ${done.status}).`,
            ...Object.entries(done.counts).map(([name, count]) => `  ${name}  ${count}`),
            `The residual scan found ${residual?.total ?? 0}.`,
            ...(residual?.findings ?? []).map((finding) => `  ${finding.place}  ${finding.kind}  ${finding.count}`),
            ...(residual?.mentions?.count
              ? [`Other people's own words still name them in ${residual.mentions.count} places, for a person to decide on.`]
              : []),
          ]);
        },
        { work: true },
      );
    });
  program
    .command('erasures')
    .description('the ledger of what was erased')
    .command('replay')
    .description('after a backup was restored: erase again whatever had been erased and is back; doing it twice changes nothing')
    .option('--tenant <id>', 'one tenant only')
    .action(async (options: { tenant?: string }, command) => {
      const replays = await withSystem(io, async (system) => {
        const found = [];
        for (const tenantId of options.tenant ? [uuidOf('--tenant', options.tenant)] : await livingTenants(system)) {
          const replay = await replayErasures(system, commandScope(tenantId));
          await inScope(system, commandScope(tenantId), (session) =>
            recordAct(session, 'erasures.replayed', { lines: replay.lines, resumed: replay.resumed, replayed: replay.replayed }),
          );
          found.push({ tenant: tenantId, ...replay });
        }
        return found;
      });
      answer(
        io,
        command.optsWithGlobals(),
        replays,
        replays.length
          ? replays.map(
              ({ tenant, lines, resumed, replayed }) =>
                `${tenant}: ${lines} erasures looked at, ${resumed.length} carried to their end, ${replayed.length} done again.`,
            )
          : ['There are no tenants.'],
      );
    });
};
