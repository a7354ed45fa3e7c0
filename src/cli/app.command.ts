import { recordAct } from '../audit/act.ts';
import { createApp, listApps } from '../data/app/app.service.ts';
import type { Register } from './command.ts';
import { answer, CALL, table } from './io.ts';
import { inTenantScope } from './in-tenant-scope.ts';

export const registerApp: Register = (program, io) => {
  const family = program.command('app').description('create and list the apps of a tenant');
  family
    .command('create')
    .description('create an app: one messaging workspace, brand or product')
    .argument('<name>', '1 to 200 characters')
    .requiredOption('--tenant <id>', 'the tenant')
    .action(async (name: string, options: { tenant: string }, command) => {
      const app = await inTenantScope(io, options.tenant, (session) => createApp(session, name));
      answer(io, command.optsWithGlobals(), app, [
        `Created app ${app.id} (${app.name}).`,
        `Next:  ${CALL} key create --tenant ${options.tenant} --app ${app.id} --role INTEGRATOR`,
      ]);
    });
  family
    .command('list')
    .description('list the apps of a tenant, oldest first')
    .requiredOption('--tenant <id>', 'the tenant')
    .action(async (options: { tenant: string }, command) => {
      const apps = await inTenantScope(io, options.tenant, async (session) => {
        const found = await listApps(session);
        await recordAct(session, 'app.listed', { apps: found.length });
        return found;
      });
      answer(
        io,
        command.optsWithGlobals(),
        apps,
        apps.length
          ? table(
              ['app', 'created', 'name'],
              apps.map(({ id, createdAt, name }) => [id, createdAt.toISOString(), name]),
            )
          : ['This tenant has no apps yet.'],
      );
    });
};
