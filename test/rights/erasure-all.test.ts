import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';
import { ADA_WORDS, finished, leaveExport, tell, type Story } from './erasure.support.ts';
import { readable, wordsIn } from './erasure.traces.ts';

let world: World;
let doomed: Story;
let sibling: Story;
let stranger: Story;

beforeAll(async () => {
  world = await openWorld();
  const tenant = await world.tenant('Acme');
  const other = await world.tenant('Other');
  doomed = await tell(world, tenant, await world.app(tenant, 'Chat'));
  sibling = await tell(world, tenant, await world.app(tenant, 'Second'));
  stranger = await tell(world, other, await world.app(other));
  await leaveExport(world, doomed, [doomed.ada]);
});
afterAll(() => world.close());

const TABLES = [
  'users',
  'identifiers',
  'conversations',
  'participants',
  'messages',
  'mentions',
  'reactions',
  'attachments',
  'calls',
  'call_participants',
  'delivery_records',
  'business_links',
  'channel_identities',
];
const rowsOf = async (column: 'app_id' | 'tenant_id', id: string): Promise<number> => {
  let count = 0;
  for (const table of TABLES)
    count += Number((await world.sql(`select count(*) as n from ${table} where ${column} = $1`, [id]))[0]!['n']);
  return count;
};
const files = async (tenant: string, folder = ''): Promise<number> => {
  let count = 0;
  for await (const _name of world.system.files.list(`${tenant}${folder}`)) count += 1;
  return count;
};

/** A revoked key is believed for up to 5 s more. */
async function stops(token: string): Promise<void> {
  for (let tries = 0; tries < 320; tries += 1) {
    if ((await world.as(token)('{ __typename }')).status === 401) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('the token still works');
}

test('an app is erased whole: its keys in one step, then its rows and files; its API keys stop, and its sibling is untouched', async () => {
  const integrator = await world.token({ tenant: doomed.tenant, app: doomed.app, role: 'INTEGRATOR' });
  const siblingRows = await rowsOf('app_id', sibling.app);
  const answer = await world.as({ tenant: doomed.tenant, role: 'PRIVACY_OFFICER' })(
    'mutation ($id: ID!) { eraseApp(appId: $id, ground: CONTRACT_ENDED, confirm: "Chat") { id unreadableAt } }',
    { id: doomed.app },
  );
  expect(answer.codes).toEqual([]);
  expect(answer.data.eraseApp.unreadableAt).not.toBeNull();
  expect(await world.sql('select 1 from keys.subject_keys where app_id = $1', [doomed.app])).toEqual([]);
  const request = await finished(world, answer.data.eraseApp.id);
  expect(request).toMatchObject({
    status: 'COMPLETED',
    residual: { total: 0 },
    counts: { messages: 9, profile: 3, exports: 1, apiKeysRevoked: 1 },
  });
  expect(await rowsOf('app_id', doomed.app)).toBe(0);
  expect(await rowsOf('app_id', sibling.app)).toBe(siblingRows);
  expect(await files(doomed.tenant, '/attachments')).toBe(2);
  await expect(world.ingest(doomed.tenant, doomed.app, [{ type: 'user', externalId: 'late' }])).rejects.toThrow('No such app');
  await stops(integrator);
  expect(
    (
      await world.as({ tenant: doomed.tenant, role: 'PRIVACY_OFFICER' })(
        'mutation ($id: ID!) { eraseApp(appId: $id, ground: CONTRACT_ENDED, confirm: "Chat") { id } }',
        { id: doomed.app },
      )
    ).codes,
  ).toEqual(['NOT_FOUND']);
});

test('a tenant is erased whole: its one key, then everything; its tokens stop, and the audit log stays', async () => {
  const before = await readable(world, stranger.tenant);
  const officer = await world.token({ tenant: doomed.tenant, role: 'PRIVACY_OFFICER' });
  const answer = await world.as(officer)(
    'mutation { eraseTenant(confirm: "Acme") { id unreadableAt residual { total } mentionsInFreeText { count } } }',
  );
  expect(answer.codes).toEqual([]);
  expect(answer.data.eraseTenant).toMatchObject({ unreadableAt: expect.any(String), mentionsInFreeText: null });
  const request = await finished(world, answer.data.eraseTenant.id);
  expect(request).toMatchObject({ status: 'COMPLETED', residual: { total: 0 } });
  expect(await rowsOf('tenant_id', doomed.tenant)).toBe(0);
  expect(
    await world.sql(
      'select 1 from keys.tenant_keys where tenant_id = $1 union all select 1 from keys.subject_keys where tenant_id = $1 union all select 1 from api_keys where tenant_id = $1',
      [doomed.tenant],
    ),
  ).toEqual([]);
  expect(await files(doomed.tenant, '/attachments')).toBe(0);
  expect(
    await world.sql('select erased_at is not null as erased from tenant_directory where tenant_id = $1', [doomed.tenant]),
  ).toEqual([{ erased: true }]);
  expect(
    await world.sql(`select act from audit_entries where tenant_id = $1 and act like 'erasure.%' order by id`, [doomed.tenant]),
  ).toEqual(['erasure.requested', 'erasure.completed', 'erasure.requested', 'erasure.completed'].map((act) => ({ act })));
  expect(await readable(world, stranger.tenant)).toEqual(before);
  await stops(officer);
});

test('a provider erases a tenant by its id, and nothing of anybody is left in the database', async () => {
  const provider = world.as({ role: 'PROVIDER' });
  const ERASE = 'mutation ($id: ID!, $name: String!) { eraseTenant(confirm: $name, tenantId: $id) { id } }';
  expect((await provider('mutation { eraseTenant(confirm: "provider") { id } }')).codes).toEqual(['INVALID_INPUT']);
  const answer = await provider(ERASE, { id: stranger.tenant, name: 'Other' });
  expect(answer.codes).toEqual([]);
  expect(await finished(world, answer.data.eraseTenant.id)).toMatchObject({ status: 'COMPLETED', residual: { total: 0 } });
  expect((await provider(ERASE, { id: stranger.tenant, name: 'Other' })).codes).toEqual(['NOT_FOUND']);
  expect(await wordsIn(world, ADA_WORDS)).toEqual([]);
});
