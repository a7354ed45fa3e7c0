import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newestCheckpoint } from '../../src/audit/stored-tree.ts';
import { sealWaiting } from '../../src/audit/sealer.ts';
import { openSigner } from '../../src/audit/signer.ts';
import { recordAct } from '../../src/audit/act.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { systemScope } from '../../src/scope/scope.ts';
import type { System } from '../../src/system.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

test('what is recorded while a log is sealed waits for the next round: nobody keeps the sealer from the other tenants', async () => {
  const tenant = await world.tenant();
  const scope = systemScope(tenant, 'test');
  let wrote = 0;
  // Somebody reads whenever a checkpoint is written.
  const write: System['files']['write'] = async (...given) => {
    if (++wrote < 10) await inScope(world.system, scope, (session) => recordAct(session, 'user.read', { user: String(wrote) }));
    return world.system.files.write(...given);
  };
  const files = Object.assign(Object.create(world.system.files) as System['files'], { write });
  const signer = await openSigner(world.config.keys);
  expect(await sealWaiting({ ...world.system, files }, signer, tenant)).toBe(1);
  expect(wrote).toBe(1);
  const size = async () => (await inScope(world.system, scope, ({ db }) => newestCheckpoint(db, tenant)))!.size;
  const first = await size();
  expect(await sealWaiting(world.system, signer, tenant)).toBe(1);
  expect(await size()).toBe(first + 1);
});
