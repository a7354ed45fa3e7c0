import type { RawRecord } from '../../src/intake/records.ts';
import { PROVIDER_TENANT } from '../../src/scope/scope.ts';
import { ALL_PERMISSIONS, ROLES, type Level, type Permission, type RoleName } from '../../src/scope/permissions.ts';
import { finished } from '../rights/support.ts';
import { openWorld, type Ask, type Who, type World } from '../support/world.ts';
import { chance } from './chance.ts';
import { canary, makeUpApp, recordsOf, type MadeApp, type MadePerson } from './made-app.ts';

/** Somebody with a token: as the model knows them, and the token itself. */
export interface Holder {
  name: string;
  level: Level;
  tenant: string;
  app: string | null;
  person: MadePerson | null;
  permissions: ReadonlySet<string>;
  token: string;
}

export interface MadeWorld {
  world: World;
  tenants: { id: string; name: string }[];
  apps: MadeApp[];
  holders: Holder[];
}

/** Wide limits: these tests ask for more at once than anybody should. */
const ENVIRONMENT = {
  HABEAS_LIMIT_COST: '10000000',
  HABEAS_LIMIT_DEPTH: '50',
  HABEAS_LIMIT_TOKENS: '20000',
  HABEAS_LIMIT_SELECTIONS: '10000',
  HABEAS_LIMIT_ALIASES: '1000',
  HABEAS_LIMIT_ROOT_FIELDS: '1000',
  HABEAS_LIMIT_OPEN_REQUESTS: '10000',
  HABEAS_LIMIT_PACKAGES: '10000',
  HABEAS_LIMIT_KEY_RATE: '100000000',
  HABEAS_LIMIT_ADDRESS_RATE: '100000000',
  HABEAS_LIMIT_REFUSALS: '100000000',
};

/** Two tenants of two apps each, made up from a seed and fed in; in each app one person is erased, and packages are asked for. */
export async function openMadeWorld(
  seed: number,
  size = 1,
  onWorld: (world: World) => void = () => undefined,
): Promise<MadeWorld> {
  const luck = chance(seed);
  const world = await openWorld({ work: true, environment: ENVIRONMENT });
  onWorld(world);
  const tenants: MadeWorld['tenants'] = [];
  const apps: MadeApp[] = [];
  for (let i = 0; i < 2; i += 1) {
    const name = canary();
    const tenant = await world.tenant(name);
    tenants.push({ id: tenant, name });
    for (let j = 0; j < 2; j += 1) {
      const app = makeUpApp(luck, size);
      app.tenant = tenant;
      app.id = await world.app(tenant, app.name);
      await world.ingest(tenant, app.id, recordsOf(app) as RawRecord[]);
      await learnIds(world, app);
      apps.push(app);
    }
  }
  await actOn(world, apps);
  return { world, tenants, apps, holders: await holdersOf(world, tenants, apps) };
}

/** Reads the ids that Habeas made, around every policy. */
async function learnIds(world: World, app: MadeApp): Promise<void> {
  const named = async (table: string): Promise<Map<unknown, string>> =>
    new Map(
      (await world.sql(`select external_id, id from ${table} where app_id = $1`, [app.id])).map((row) => [
        row['external_id'],
        row['id'] as string,
      ]),
    );
  const rows = await world.sql('select id, conversation_id from messages where app_id = $1', [app.id]);
  const conversationOf = new Map(rows.map((row) => [row['id'], row['conversation_id'] as string]));
  const [messages, calls, attachments] = [await named('messages'), await named('calls'), await named('attachments')];
  for (const one of app.messages) {
    one.id = messages.get(one.ext)!;
    one.conversation.id = conversationOf.get(one.id)!;
    if (one.attachment) one.attachment.id = attachments.get(one.attachment.ext)!;
  }
  for (const one of app.calls) one.id = calls.get(one.ext)!;
  for (const one of app.people) one.id = await world.userId(app.tenant, app.id, one.ext);
}

/** Requests, export files and an erasure in every app. */
async function actOn(world: World, apps: readonly MadeApp[]): Promise<void> {
  const asked: [Ask, string][] = [];
  for (const app of apps) {
    const officer = world.as({ tenant: app.tenant, role: 'PRIVACY_OFFICER' });
    const integrator = world.as({ tenant: app.tenant, app: app.id });
    const gone = app.people.find((one) => one.erased)!;
    const erased = await officer('mutation ($id: ID!) { eraseUser(userId: $id, ground: OBJECTION) { id } }', { id: gone.id });
    const access = await officer('mutation ($id: ID!) { requestAccess(userId: $id, format: JSON) { request { id } } }', {
      id: app.people[0]!.id,
    });
    const exported = await integrator('mutation ($id: ID!) { exportApp(appId: $id) { id } }', { id: app.id });
    for (const id of [erased.data.eraseUser.id, access.data.requestAccess.request.id, exported.data.exportApp.id])
      asked.push([officer, id as string]);
  }
  await Promise.all(asked.map(([officer, id]) => finished(officer, id)));
}

const TENANT_ROLES: readonly RoleName[] = ['TENANT_ADMIN', 'PRIVACY_OFFICER', 'LEGAL_APPROVER', 'AUDITOR'];
const ANY_APP = ALL_PERMISSIONS.filter((one) => one !== 'tenants:manage');

async function holdersOf(world: World, tenants: MadeWorld['tenants'], apps: readonly MadeApp[]): Promise<Holder[]> {
  const holders: Holder[] = [];
  const add = async (
    name: string,
    who: Who,
    permissions: readonly Permission[],
    person: MadePerson | null = null,
  ): Promise<void> => {
    const level: Level = person ? 'user' : ROLES[who.role!].level;
    const token = await world.token(who);
    holders.push({
      name,
      level,
      tenant: who.tenant ?? PROVIDER_TENANT,
      app: who.app ?? null,
      person,
      permissions: new Set(permissions),
      token,
    });
  };
  for (const [index, { id: tenant }] of tenants.entries()) {
    for (const role of TENANT_ROLES) await add(`${role} of tenant ${index}`, { role, tenant }, ROLES[role].permissions);
    await add(`nobody in tenant ${index}`, { role: 'TENANT_ADMIN', tenant, permissions: [] }, []);
  }
  for (const [index, { tenant, id: app, people }] of apps.entries()) {
    await add(`INTEGRATOR of app ${index}`, { role: 'INTEGRATOR', tenant, app }, ROLES.INTEGRATOR.permissions);
    await add(`everything in app ${index}`, { role: 'INTEGRATOR', tenant, app, permissions: ANY_APP }, ANY_APP);
    const alive = people.filter((one) => !one.erased);
    for (const one of index === 0 ? alive : alive.slice(0, 1))
      await add(
        `person ${people.indexOf(one)} of app ${index}`,
        { tenant, app, user: one.id },
        ROLES.DATA_SUBJECT.permissions,
        one,
      );
  }
  await add('PROVIDER', { role: 'PROVIDER' }, ALL_PERMISSIONS);
  return holders;
}
