import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import { carryOut } from '../../src/rights/erasure/erasure.job.ts';
import { storeScope } from '../../src/scope/scope.ts';
import type { System } from '../../src/system.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { ADA, ERASE_USER, tell, type Story } from './erasure.support.ts';
import { downloadZip, REQUEST, requestOf } from './support.ts';

// Erasures beside requests for packages of the same people. Nobody works on the queue: the tests run the jobs themselves.
let world: World;
let story: Story;
let officer: Ask;

beforeAll(async () => {
  world = await openWorld({ work: false, environment: { HABEAS_LIMIT_OPEN_REQUESTS: '2', HABEAS_LIMIT_SECONDS: '2' } });
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

test('destroying the keys of millions may take longer than a statement of a request may', async () => {
  // Stands for the time that millions of rows take.
  await world.sql(
    'create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(2.5); return old; end $$',
  );
  await world.sql('create trigger slow before delete on keys.subject_keys for each statement execute function slow()');
  try {
    const eraseApp = 'mutation ($app: ID!) { eraseApp(appId: $app, ground: CONTRACT_ENDED, confirm: "App") { id unreadableAt } }';
    const { data, codes } = await officer(eraseApp, { app: story.app });
    expect(codes).toEqual([]);
    expect(data.eraseApp.unreadableAt).not.toBeNull();
    expect((await officer('mutation { eraseTenant(confirm: "Tenant") { id } }')).codes).toEqual([]);
  } finally {
    await world.sql('drop trigger slow on keys.subject_keys');
    await world.sql('drop function slow');
  }
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

describe('while the rows of somebody who was erased are still there', () => {
  const never = new AbortController().signal;
  const write = (requestId: string): Promise<void> =>
    HANDLERS.export(world.system, { requestId, scope: storeScope({ ...world.cli, tenantId: story.tenant }) }, never);
  const shown = async (id: string) =>
    (await officer(`query ($id: ID!) { request(id: $id) { ${REQUEST} } }`, { id })).data.request;

  test('a package with what they wrote to a customer is written, and does not name them', async () => {
    await world.ingest(story.tenant, story.app, [
      { type: 'user', externalId: 'plat-hal', kind: 'AGENT', profile: { displayName: 'Hal Agent' } },
      { type: 'participant', conversation: 'care', user: 'plat-hal' },
    ]);
    expect((await officer(ERASE_USER, { user: story.gus })).codes).toEqual([]);
    const hal = await world.userId(story.tenant, story.app, 'plat-hal');
    const id = await requestOf(officer, 'requestAccess', hal, 'others: FULL, reason: "of the works council"');
    await write(id);
    const request = await shown(id);
    expect(request).toMatchObject({ status: 'COMPLETED', error: null });
    const { context } = JSON.parse((await downloadZip(world, officer, request.artefact.id)).get('data.json')!.toString());
    expect(context.messages).toContainEqual(expect.objectContaining({ body: 'Dear Ada, sorry', author: 'erased user' }));
  });

  test('an export of the app tells nothing of the files they added to what others wrote', async () => {
    await world.ingest(story.tenant, story.app, [
      {
        type: 'message',
        externalId: 'g9',
        conversation: 'general',
        author: 'plat-ben',
        sentAt: '2026-01-05T10:00:00Z',
        body: 'see',
        attachments: [
          { externalId: 'of-ada', name: 'a.txt', uploader: ADA.externalId },
          { externalId: 'of-ben', name: 'b.txt' },
        ],
      },
    ]);
    await officer(ERASE_USER, { user: story.ada });
    const { data } = await world.as({ tenant: story.tenant })('mutation ($app: ID!) { exportApp(appId: $app) { id } }', {
      app: story.app,
    });
    await write(data.exportApp.id);
    const { artefact } = await shown(data.exportApp.id);
    const text = (await downloadZip(world, world.as({ tenant: story.tenant }), artefact.id)).get('data.ndjson')!.toString();
    expect(text).toContain('of-ben');
    expect(text).not.toContain('of-ada');
  });
});

test('a reason that names the person is refused: request and log outlive them', async () => {
  const asked = requestOf(
    officer,
    'requestAccess',
    story.ada,
    `others: FULL, reason: "Letter of ${ADA.names[0]!.toUpperCase()}"`,
  );
  await expect(asked).rejects.toThrow('names the person');
  expect(await world.sql('select 1 from requests where tenant_id = $1', [story.tenant])).toEqual([]);
});

test('the deep scan looks into conversations in which the erased only answered', async () => {
  await world.ingest(story.tenant, story.app, [
    { type: 'user', externalId: 'plat-ivy', kind: 'AGENT', profile: { displayName: 'Ivy Larkspur' } },
    {
      type: 'message',
      externalId: 'p3',
      conversation: 'care',
      author: 'plat-ivy',
      sentAt: '2026-01-05T10:00:00Z',
      body: 'on it',
    },
    {
      type: 'message',
      externalId: 'p4',
      conversation: 'care',
      author: ADA.externalId,
      sentAt: '2026-01-05T10:01:00Z',
      body: 'thanks, ivy larkspur!',
    },
  ]);
  const ivy = await world.userId(story.tenant, story.app, 'plat-ivy');
  const { data } = await officer(ERASE_USER, { user: ivy, deep: true });
  await carryOut(
    world.system,
    data.eraseUser.id as string,
    { ...world.cli, tenantId: story.tenant },
    new AbortController().signal,
  );
  const { data: found } = await officer('query ($id: ID!) { request(id: $id) { mentionsInFreeText { count } } }', {
    id: data.eraseUser.id,
  });
  expect(found.request.mentionsInFreeText).toEqual({ count: 1 });
});
