import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { openSigner } from '../../src/audit/signer.ts';
import { sealTenant } from '../../src/audit/seal.ts';
import { recordAct } from '../../src/audit/act.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import type { Ask, World } from '../support/world.ts';
import { buildHabeas, type BuiltHabeas, type HabeasProcess } from './processes.ts';
import { barrier, expectSound, expireLeases, LONG, openSite, person, startOn, until, type Barrier } from './site.ts';

/** Each stage is held at a lock, so that the worker is killed in it and nowhere else. */
const ROUNDS = LONG ? 10 : 1;

let habeas: BuiltHabeas;
let world: World;
let worker: HabeasProcess;
let tenant: string;
let app: string;
let officer: Ask;
let people = 0;
beforeAll(async () => {
  [habeas, world] = await Promise.all([buildHabeas(), openSite()]);
  tenant = await world.tenant();
  app = await world.app(tenant);
  officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  worker = await startOn(world, habeas, 'worker');
}, 120_000);
afterAll(async () => {
  await habeas?.remove();
  await world?.close();
});

let wall: Barrier | undefined;
afterEach(async () => {
  await wall?.release();
  wall = undefined;
});

/** Kills the worker that stands at the barrier, takes the barrier away, and sets another worker to work. */
async function killThere(): Promise<void> {
  await wall!.reached();
  await worker.end('SIGKILL');
  await wall!.release();
  wall = undefined;
  await expireLeases(world);
  worker = await startOn(world, habeas, 'worker');
}

async function somebody(messages = 300): Promise<string> {
  const name = `p${(people += 1)}`;
  await world.ingest(tenant, app, person(name, messages));
  return world.userId(tenant, app, name);
}

const request = async (mutation: string, id: string): Promise<string> => {
  const { data, messages } = await officer(`mutation ($id: ID!) { made: ${mutation} }`, { id });
  if (messages.length) throw new Error(messages.join());
  return data.made.id ?? data.made.request.id;
};
const ask = {
  export: (user: string) => request('requestAccess(userId: $id, format: JSON) { request { id } }', user),
  erasure: (user: string) => request('eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id }', user),
};
const ended = (id: string): Promise<string> =>
  until(async () => {
    const [row] = await world.sql(
      `select status from requests where id = $1 and status in ('COMPLETED', 'PARTIALLY_COMPLETED', 'REFUSED', 'CANCELLED', 'FAILED')`,
      [id],
    );
    return row?.['status'] as string | undefined;
  }, 'the request did not end');

interface Stage {
  name: string;
  /** What holds the worker up; %ID stands for the request, %APP for the app. */
  lock: string;
  /** Also in `npm test`. */
  always?: true;
}
const table = (name: string, mode = 'share'): string => `lock table ${name} in ${mode} mode`;

const EXPORT: Stage[] = [
  { name: 'before it begins', lock: `select 1 from requests where id = '%ID' for update` },
  { name: 'while it makes the key of its file', lock: table('keys.subject_keys') },
  { name: 'while it writes the file', lock: table('reactions', 'access exclusive') },
  { name: 'between the file and its row', lock: `select 1 from apps where id = '%APP' for update`, always: true },
  { name: 'between the row and its commit', lock: table('audit_entries', 'share row exclusive') },
];
const ERASURE: Stage[] = [
  { name: 'before it begins', lock: `select 1 from requests where id = '%ID' for update` },
  ...['mentions', 'reactions', 'attachments', 'messages', 'participants', 'conversations', 'users'].map((name): Stage => ({
    name: `at ${name}`,
    lock: table(name),
    ...(name === 'messages' ? { always: true } : {}),
  })),
  { name: 'while it looks for what is left', lock: table('download_links', 'access exclusive') },
  { name: 'before it says that it is complete', lock: table('audit_entries', 'share row exclusive') },
];

for (const [what, stages] of Object.entries({ export: EXPORT, erasure: ERASURE }))
  for (const { name, lock, always } of stages)
    (LONG || always ? test : test.skip)(
      `an ${what} whose worker is killed ${name} is done whole, once`,
      async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const user = await somebody();
          wall = await barrier(world);
          const id = await askHeld(what as keyof typeof ask, user, lock);
          await killThere();
          expect(await ended(id)).toBe('COMPLETED');
        }
        await expectSound(world, tenant);
      },
      600_000,
    );

/** Asks while the worker sleeps, so that what it will stop at does not stop the asking. */
async function askHeld(what: keyof typeof ask, user: string, lock: string): Promise<string> {
  worker.child.kill('SIGSTOP');
  const id = await ask[what](user);
  await wall!.hold(lock.replace('%ID', id).replace('%APP', app));
  worker.child.kill('SIGCONT');
  return id;
}

(LONG ? test : test.skip)(
  'an export whose worker is killed before it closes its job is not made again',
  async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const user = await somebody();
      const first = await barrier(world);
      await first.hold('select 1 from apps where id = $1 for update', [app]);
      const id = await ask.export(user);
      await first.reached();
      wall = await barrier(world);
      await wall.hold(`select 1 from jobs.job where data ->> 'requestId' = $1 for update`, [id]);
      await first.release();
      expect(await ended(id)).toBe('COMPLETED');
      const [before] = await world.sql('select id from artefacts where request_id = $1', [id]);
      await killThere();
      await until(
        async () =>
          (await world.sql(`select 1 from jobs.job where data ->> 'requestId' = $1 and state = 'completed'`, [id])).length > 0,
        'the job was not closed',
      );
      expect(await world.sql('select id from artefacts where request_id = $1', [id])).toEqual([before]);
    }
    await expectSound(world, tenant);
  },
  600_000,
);

const SEALING: Stage[] = [
  { name: 'while it seals', lock: table('audit_leaves') },
  { name: 'before its checkpoint is committed', lock: table('audit_unpublished') },
];
for (const { name, lock } of SEALING)
  (LONG ? test : test.skip)(
    `a sealer that is killed ${name} leaves a log that verifies`,
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        wall = await barrier(world);
        await wall.hold(lock);
        await inScope(world.system, { ...world.cli, tenantId: tenant }, (session) => recordAct(session, 'test.done', { round }));
        await killThere();
      }
      await expectSound(world, tenant);
    },
    600_000,
  );

test('a sealer that is killed between the published checkpoint and its note publishes the same one again', async () => {
  const scope = { ...world.cli, tenantId: tenant };
  const signer = await openSigner(world.config.keys);
  for (let round = 0; round < ROUNDS; round += 1) {
    // No sealer is at work while the checkpoint is made.
    await worker.end('SIGKILL');
    await inScope(world.system, scope, (session) => recordAct(session, 'test.done', { round }));
    const checkpoint = await inScope(world.system, scope, ({ db }) => sealTenant(db, tenant, signer));
    wall = await barrier(world);
    await wall.hold('select 1 from audit_unpublished where tenant_id = $1 and size = $2 for update', [tenant, checkpoint!.size]);
    worker = await startOn(world, habeas, 'worker');
    await killThere();
    await until(
      async () => !(await world.sql('select 1 from audit_unpublished where tenant_id = $1', [tenant])).length,
      'the checkpoint stayed unpublished',
    );
  }
  await expectSound(world, tenant);
}, 600_000);
