import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';
import { ADA, ERASE_USER, tell, type Story } from './erasure.support.ts';

let world: World;
let story: Story;
let otherApp: string;
let otherTenant: string;

beforeAll(async () => {
  // Nobody works here, so that an erasure stays open.
  world = await openWorld({ work: false });
  const tenant = await world.tenant();
  story = await tell(world, tenant, await world.app(tenant));
  otherApp = await world.app(tenant, 'Second');
  otherTenant = await world.tenant('Other');
});
afterAll(() => world.close());

const officer = () => world.as({ tenant: story.tenant, role: 'PRIVACY_OFFICER' });

test('an officer of another tenant, and an admin of another app, cannot tell that the person exists', async () => {
  const stranger = await world.as({ tenant: otherTenant, role: 'PRIVACY_OFFICER' })(ERASE_USER, { user: story.ada });
  const nobody = await officer()(ERASE_USER, { user: '01890000-0000-7000-8000-000000000000' });
  const beside = await world.as({ tenant: story.tenant, app: otherApp, role: 'INTEGRATOR', permissions: ['rights:read'] })(
    `{ erasureCertificate(requestId: "01890000-0000-7000-8000-000000000000") { text } }`,
  );
  expect(stranger.codes).toEqual(['NOT_FOUND']);
  expect(beside.codes).toEqual(['NOT_FOUND']);
  expect(stranger.messages).toEqual(nobody.messages);
});

test('what is no UUID is refused as that', async () => {
  expect((await officer()(ERASE_USER, { user: 'ada' })).codes).toEqual(['INVALID_INPUT']);
});

test.each([
  ['eraseUser(userId: $id, ground: CHILD) { id }'],
  ['eraseConversation(conversationId: $id, ground: CHILD) { id }'],
  ['eraseMessage(messageId: $id, ground: CHILD) { id }'],
  ['eraseApp(appId: $id, ground: CHILD, confirm: "x") { id }'],
])('a person cannot %s', async (field) => {
  const person = world.as({ tenant: story.tenant, app: story.app, user: story.ben });
  expect((await person(`mutation ($id: ID!) { ${field} }`, { id: story.ada })).codes).toEqual(['FORBIDDEN']);
});

test('an approver, an auditor and an integrator erase nobody', async () => {
  for (const role of ['LEGAL_APPROVER', 'AUDITOR'] as const)
    expect((await world.as({ tenant: story.tenant, role })(ERASE_USER, { user: story.ada })).codes).toEqual(['FORBIDDEN']);
  expect(
    (await world.as({ tenant: story.tenant, app: story.app, role: 'INTEGRATOR' })(ERASE_USER, { user: story.ada })).codes,
  ).toEqual(['FORBIDDEN']);
});

test('a note that names the person is refused, and nothing has happened', async () => {
  const answer = await officer()(ERASE_USER, { user: story.ada, note: `Letter of ${ADA.names[0]!.toUpperCase()}, 3 May` });
  expect(answer.codes).toEqual(['INVALID_INPUT']);
  expect(await world.sql('select 1 from requests')).toEqual([]);
  expect(await world.sql('select erased_at from users where id = $1', [story.ada])).toEqual([{ erased_at: null }]);
});

test('an app is erased only by its exact name', async () => {
  const answer = await officer()('mutation ($id: ID!) { eraseApp(appId: $id, ground: CONTRACT_ENDED, confirm: "app") { id } }', {
    id: story.app,
  });
  expect(answer.codes).toEqual(['INVALID_INPUT']);
  expect((await officer()('mutation { eraseTenant(confirm: "tenant") { id } }')).codes).toEqual(['INVALID_INPUT']);
});

test('an officer cannot name another tenant to erase', async () => {
  expect(
    (await officer()('mutation ($id: ID!) { eraseTenant(confirm: "Other", tenantId: $id) { id } }', { id: otherTenant })).codes,
  ).toEqual(['NOT_FOUND']);
});

test('a second request while one is open is a CONFLICT, also of two at once', async () => {
  const answers = await Promise.all([officer()(ERASE_USER, { user: story.ada }), officer()(ERASE_USER, { user: story.ada })]);
  expect(answers.flatMap(({ codes }) => codes)).toEqual(['CONFLICT']);
  expect((await officer()(ERASE_USER, { user: story.ada })).codes).toEqual(['CONFLICT']);
  const certificate = await officer()('query ($id: ID!) { erasureCertificate(requestId: $id) { text } }', {
    id: answers.find(({ codes }) => !codes.length)!.data.eraseUser.id,
  });
  expect(certificate.codes).toEqual(['UNAVAILABLE']);
});

test('before any job has run nobody can read or find the person', async () => {
  expect(await world.sql('select 1 from keys.subject_keys where subject_id = $1', [story.ada])).toEqual([]);
  expect(await world.sql('select 1 from identifiers where user_id = $1', [story.ada])).toEqual([]);
  await expect(world.userId(story.tenant, story.app, ADA.externalId)).rejects.toThrow('no user');
  expect(await world.sql('select count(*)::int as n from messages where subject_id = $1', [story.ada])).toEqual([{ n: 6 }]);
});
