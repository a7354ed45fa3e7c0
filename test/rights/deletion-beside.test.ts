import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import { storeScope } from '../../src/scope/scope.ts';
import type { System } from '../../src/system.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { ADA, tell, type Story } from './erasure.support.ts';
import { downloadZip, REQUEST, requestOf } from './support.ts';

// Messages that are erased beside the packages that hold them. Nobody works on the queue: the tests run the jobs themselves.
let world: World;
let story: Story;
let officer: Ask;

beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());
beforeEach(async () => {
  const tenant = await world.tenant();
  story = await tell(world, tenant, await world.app(tenant));
  officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
});

describe('while a package is written', () => {
  const never = new AbortController().signal;
  const DELETE = 'mutation ($id: ID!) { eraseMessage(messageId: $id, ground: UNLAWFUL_PROCESSING) { id } }';
  /** Writes Ben's package, and erases a message each time one was written. Answers how often it was, and what it holds in the end. */
  const writeBeside = async (externalIds: string[]): Promise<{ writes: number; text: string }> => {
    const ben = world.as({ tenant: story.tenant, app: story.app, user: story.ben });
    const id = await requestOf(ben, 'requestAccess', story.ben);
    const scope = storeScope({ ...world.cli, tenantId: story.tenant, level: 'user', appId: story.app, userId: story.ben });
    let writes = 0;
    const write: System['files']['write'] = async (...file) => {
      const measure = await world.system.files.write(...file);
      const next = externalIds[writes];
      writes += 1;
      if (!next) return measure;
      const [message] = await world.sql('select id from messages where app_id = $1 and external_id = $2', [story.app, next]);
      expect((await officer(DELETE, { id: message!['id'] })).codes).toEqual([]);
      return measure;
    };
    await HANDLERS.export({ ...world.system, files: { ...world.system.files, write } }, { requestId: id, scope }, never);
    const { data } = await ben(`query ($id: ID!) { request(id: $id) { ${REQUEST} } }`, { id });
    expect(data.request).toMatchObject({ status: 'COMPLETED', error: null });
    const entries = await downloadZip(world, ben, data.request.artefact.id as string);
    return { writes, text: entries.get('data.json')!.toString() };
  };

  test.each([
    ['of theirs', 'g4', 'as always'],
    ['of others around theirs', 'd1', 'psst'],
    ['that they reacted to', 'g1', 'eyes'],
  ])('a message %s that is erased is not in it', async (_, externalId, words) => {
    const { writes, text } = await writeBeside([externalId]);
    expect(writes).toBe(2);
    expect(text).not.toContain(words);
    expect(text).toContain('what?');
  });

  test('messages that it does not hold may be erased as often as they like', async () => {
    const others = Array.from({ length: 30 }, (_, n) => `o${n}`);
    await world.ingest(story.tenant, story.app, [
      { type: 'conversation', externalId: 'else', kind: 'PUBLIC_GROUP', participants: [{ user: ADA.externalId }] },
      ...others.map((externalId): RawRecord => ({
        type: 'message',
        externalId,
        conversation: 'else',
        author: ADA.externalId,
        sentAt: '2026-01-05T10:00:00Z',
        body: 'elsewhere',
      })),
    ]);
    expect(await writeBeside(others)).toMatchObject({ writes: 1 });
  });
});

test('a deleted message takes the export files along that hold words of its author, and leaves those of everybody else in the channel', async () => {
  const wrote = (externalId: string, author?: string): RawRecord => ({
    type: 'message',
    externalId,
    conversation: 'general',
    ...(author ? { author } : {}),
    sentAt: new Date(Date.now() - 60_000).toISOString(),
    body: `words of ${author}`,
  });
  await world.ingest(story.tenant, story.app, [
    { type: 'user', externalId: 'plat-eve', profile: { displayName: 'Eve' } },
    { type: 'participant', conversation: 'general', user: 'plat-eve' },
    wrote('e1', 'plat-eve'),
    wrote('s1'),
  ]);
  const files = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const user of [story.ben, story.ada]) {
      const id = await requestOf(officer, 'requestAccess', user);
      await HANDLERS.export(
        world.system,
        { requestId: id, scope: storeScope({ ...world.cli, tenantId: story.tenant }) },
        new AbortController().signal,
      );
      found.push(id);
    }
    return found;
  };
  const alive = async (requests: string[]): Promise<boolean[]> =>
    Promise.all(
      requests.map(async (id) => {
        const { data } = await officer(`query ($id: ID!) { request(id: $id) { ${REQUEST} } }`, { id });
        return data.request.artefact.deletedAt === null;
      }),
    );
  const messageId = async (name: string): Promise<unknown> =>
    (await world.sql('select id from messages where app_id = $1 and external_id = $2', [story.app, name]))[0]!['id'];
  const made = await files();
  const eve = world.as({ tenant: story.tenant, app: story.app, user: await world.userId(story.tenant, story.app, 'plat-eve') });
  const { codes } = await eve('mutation ($id: ID!) { deleteMyMessage(messageId: $id) { count } }', { id: await messageId('e1') });
  expect(codes).toEqual([]);
  expect(await alive(made)).toEqual([true, true]);
  const erase = 'mutation ($id: ID!) { eraseMessage(messageId: $id, ground: UNLAWFUL_PROCESSING) { id } }';
  await officer(erase, { id: await messageId('g4') });
  expect(await alive(made)).toEqual([false, false]);
  const again = await files();
  // Nobody wrote it, so it may stand with anybody who takes part.
  await officer(erase, { id: await messageId('s1') });
  expect(await alive(again)).toEqual([false, false]);
});
