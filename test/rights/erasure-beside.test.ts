import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import { carryOut } from '../../src/rights/erasure/erasure.job.ts';
import { storeScope } from '../../src/scope/scope.ts';
import type { System } from '../../src/system.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { ERASE_USER, tell, type Story } from './erasure.support.ts';
import { downloadZip, REQUEST, requestOf } from './support.ts';

// Erasures beside requests for packages of the same people. Nobody works on the queue: the tests run the jobs themselves.
let world: World;
let story: Story;
let officer: Ask;

beforeAll(async () => {
  world = await openWorld({ work: false, environment: { HABEAS_LIMIT_OPEN_REQUESTS: '2' } });
});
afterAll(() => world.close());
beforeEach(async () => {
  const tenant = await world.tenant();
  story = await tell(world, tenant, await world.app(tenant));
  officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
});

test('however many packages somebody has asked for, they can be erased, and so can their app', async () => {
  const ada = world.as({ tenant: story.tenant, app: story.app, user: story.ada });
  await requestOf(ada, 'requestAccess', story.ada);
  await requestOf(ada, 'requestPortability', story.ada);
  await expect(requestOf(ada, 'requestAccess', story.ada)).rejects.toThrow('wait for one of them to end');
  expect((await officer(ERASE_USER, { user: story.ada })).codes).toEqual([]);
  expect((await officer(ERASE_USER, { user: story.ada })).codes).toEqual(['CONFLICT']);

  const integrator = world.as({ tenant: story.tenant, app: story.app });
  for (const codes of [[], [], ['LIMIT_EXCEEDED']])
    expect((await integrator('mutation ($app: ID!) { exportApp(appId: $app) { id } }', { app: story.app })).codes).toEqual(codes);
  const eraseApp = 'mutation ($app: ID!) { eraseApp(appId: $app, ground: CONTRACT_ENDED, confirm: "App") { id } }';
  expect((await officer(eraseApp, { app: story.app })).codes).toEqual([]);
});

describe('a conversation that is too long to go at once', () => {
  const never = new AbortController().signal;
  const asked = async (): Promise<{ erase: () => Promise<void>; write: (id: string, system?: System) => Promise<void> }> => {
    const { tenant, app } = story;
    const long = Array.from({ length: 2001 }, (_, n): RawRecord => ({
      type: 'message',
      externalId: `l${n}`,
      conversation: 'general',
      author: 'plat-ben',
      // Older than what the story tells there, so that the last batch finds it.
      sentAt: new Date(Date.UTC(2025, 0, 1, 0, 0, n)).toISOString(),
      body: 'of the long conversation',
    }));
    await world.ingest(tenant, app, long);
    const [{ id }] = (await world.sql(`select conversation_id as id from messages where app_id = $1 and external_id = 'g1'`, [
      app,
    ])) as [{ id: string }];
    const answer = await officer(
      'mutation ($id: ID!) { eraseConversation(conversationId: $id, ground: UNLAWFUL_PROCESSING) { id unreadableAt } }',
      { id },
    );
    expect(answer.data.eraseConversation.unreadableAt).toBeNull();
    const scope = { ...world.cli, tenantId: tenant };
    return {
      erase: () => carryOut(world.system, answer.data.eraseConversation.id as string, scope, never),
      write: (requestId, system = world.system) => HANDLERS.export(system, { requestId, scope: storeScope(scope) }, never),
    };
  };
  const shown = async (id: string) =>
    (await officer(`query ($id: ID!) { request(id: $id) { ${REQUEST} } }`, { id })).data.request;

  test('takes the export files along that were made while it went', async () => {
    const { erase, write } = await asked();
    const package_ = await requestOf(officer, 'requestAccess', story.ben);
    await write(package_);
    expect(await shown(package_)).toMatchObject({ status: 'COMPLETED', artefact: { deletedAt: null } });
    await erase();
    expect((await shown(package_)).artefact.deletedAt).not.toBeNull();
  });

  test('is in no export file that was begun before its end', async () => {
    const { erase, write } = await asked();
    const ben = world.as({ tenant: story.tenant, app: story.app, user: story.ben });
    const package_ = await requestOf(ben, 'requestAccess', story.ben);
    let writes = 0;
    await write(package_, {
      ...world.system,
      files: {
        ...world.system.files,
        write: async (...file) => {
          const measure = await world.system.files.write(...file);
          writes += 1;
          if (writes === 1) await erase();
          return measure;
        },
      },
    });
    const request = await shown(package_);
    expect(request).toMatchObject({ status: 'COMPLETED', artefact: { deletedAt: null } });
    const entries = await downloadZip(world, ben, request.artefact.id as string);
    expect(entries.get('data.json')!.toString()).not.toContain('of the long conversation');
  });
});
