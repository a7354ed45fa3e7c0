import { recordAct } from '../audit/act.ts';
import { createTenant, listTenants } from '../data/tenant/tenant.service.ts';
import { inScope } from '../scope/in-scope.ts';
import type { Register } from './command.ts';
import { answer, CALL, table } from './io.ts';
import { commandScope, withSystem } from './with-system.ts';

export const registerTenant: Register = (program, io) => {
  const family = program.command('tenant').description('create and list tenants');
  family
    .command('create')
    .description('create a tenant with its encryption key')
    .argument('<name>', '1 to 200 characters')
    .action(async (name: string, _options, command) => {
      const tenant = await withSystem(io, (system) => createTenant(system, commandScope(), name));
      answer(io, command.optsWithGlobals(), tenant, [
        `Created tenant ${tenant.id} (${tenant.name}).`,
        `Next:  ${CALL} app create --tenant ${tenant.id} <name>`,
      ]);
    });
  family
    .command('list')
    .description('list the tenants, oldest first')
    .action(async (_options, command) => {
      const tenants = await withSystem(io, (system) =>
        inScope(system, commandScope(), async (session) => {
          const found = await listTenants(session);
          await recordAct(session, 'tenant.listed', { tenants: found.length });
          return found;
        }),
      );
      answer(
        io,
        command.optsWithGlobals(),
        tenants,
        tenants.length
          ? table(
              ['tenant', 'created', 'erased', 'name'],
              tenants.map(({ id, createdAt, erasedAt, name }) => [
                id,
                createdAt.toISOString(),
                erasedAt?.toISOString() ?? null,
                name,
              ]),
            )
          : ['There are no tenants yet; run: habeas tenant create <name>'],
      );
    });
};
