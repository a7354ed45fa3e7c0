import { recordAct } from '../audit/act.ts';
import type { Db } from '../database/db.ts';
import { dropUnusedMasterKeys, rotateMasterKey, type InTenant } from '../keys/rotation.ts';
import { inScope } from '../scope/in-scope.ts';
import { PROVIDER_TENANT } from '../scope/scope.ts';
import type { Register } from './command.ts';
import { answer, CALL } from './io.ts';
import { commandScope, withSystem } from './with-system.ts';

/** Every tenant there is, and the provider's own, which no directory lists. */
async function everyTenant(db: Db): Promise<string[]> {
  const rows = (await db.query('select tenant_id as id from tenant_directory order by tenant_id')) as { id: string }[];
  return [PROVIDER_TENANT, ...rows.map((row) => row.id)];
}

export const registerKeys: Register = (program, io) => {
  program
    .command('keys')
    .description('the master key that all other keys are wrapped under')
    .command('rotate')
    .description(
      'make a new master key and wrap the tenant keys under it; no row of data is touched, and servers may run meanwhile',
    )
    .option('--drop-old', 'then remove the master keys that no tenant key is wrapped under any more')
    .action(async (options: { dropOld?: boolean }, command) => {
      await withSystem(io, async (system) => {
        const inTenant: InTenant = (tenantId, act) => inScope(system, commandScope(tenantId), ({ db }) => act(db));
        const tenants = await inTenant(PROVIDER_TENANT, everyTenant);
        const { masterKey, rewrapped } = await rotateMasterKey(system.keys, system.config.keys, tenants, inTenant);
        const dropped = options.dropOld
          ? await dropUnusedMasterKeys(system.config.keys, PROVIDER_TENANT, everyTenant, inTenant)
          : [];
        await inScope(system, commandScope(), (session) =>
          recordAct(session, 'master-key.rotated', { masterKey, rewrapped, dropped }),
        );
        answer(io, command.optsWithGlobals(), { masterKey, rewrapped, dropped }, [
          `Wrapped ${rewrapped} tenant keys under the new master key ${masterKey}.`,
          options.dropOld
            ? `Removed ${dropped.length} old master keys.`
            : `The old master keys stay until: ${CALL} keys rotate --drop-old`,
          'Back up the key file now: without it nothing held can be read.',
        ]);
      });
    });
};
