import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RawRecord } from '../../src/intake/records.ts';
import { contentsOf, ingestAs } from '../support/ingest.ts';
import { openWorld, type World } from '../support/world.ts';
import { at, people, room } from './ingest.support.ts';

let world: World;
let tenant: string;
beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
});
afterAll(() => world.close());

describe('replies', () => {
  const reply: RawRecord = {
    type: 'message',
    externalId: 'reply',
    conversation: 'room',
    author: 'ada',
    sentAt: at(2),
    replyTo: 'parent',
  };
  const parent: RawRecord = {
    type: 'message',
    externalId: 'parent',
    conversation: 'room',
    author: 'ben',
    sentAt: at(1),
    replyTo: 'parent',
  };
  test.each<[string, RawRecord[][]]>([
    ['in one batch', [[parent, reply]]],
    ['in one batch, the answer first', [[reply, parent]]],
    ['across batches', [[parent], [reply]]],
    ['across batches, the answer first', [[reply], [parent]]],
  ])('are tied to what they answer: %s', async (_, batches) => {
    const app = await world.app(tenant);
    await world.ingest(tenant, app, [...people, room]);
    for (const batch of batches) await ingestAs(world, { tenant, app }, batch);
    const rows = await world.sql(
      'select r.external_id, r.reply_to_external as waiting, p.external_id as parent from messages r left join messages p on p.tenant_id = r.tenant_id and p.id = r.reply_to_id where r.app_id = $1 order by 1',
      [app],
    );
    expect(rows).toEqual([
      { external_id: 'parent', waiting: null, parent: null },
      { external_id: 'reply', waiting: null, parent: 'parent' },
    ]);
  });
});

describe('texts', () => {
  test.each([
    ['a literal mention of nobody', 'see <@nobody> and <@> and <\\@x>'],
    ['a literal text in the form that mentions are stored in', 'is <@01890000-0000-7000-8000-000000000000> a mention?'],
    ['emoji and right-to-left script', '\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} \u05E9\u05DC\u05D5\u05DD \u{1F1E9}\u{1F1EA}'],
    ['backslashes, quotes and braces, as PostgreSQL arrays escape them', 'a\\b"c{d,e}\'f\n\r\t'],
    ['nothing', ''],
  ])('%s is read as it was written', async (_, body) => {
    const app = await world.app(tenant);
    await world.ingest(tenant, app, [...people, room]);
    await ingestAs(world, { tenant, app }, [
      { type: 'message', externalId: 'm', conversation: 'room', author: 'ada', sentAt: at(1), body },
    ]);
    expect((await contentsOf(world, tenant, app, { render: true }))['messages']!.map((row) => row['body'])).toEqual([body]);
  });

  test('ids and channels are held as they were written, whatever they mean to an array of PostgreSQL', async () => {
    const app = await world.app(tenant);
    const names = [
      'NULL',
      'null',
      'Null',
      '{a,b}',
      'a,b',
      '"',
      '\\',
      '\\"x\\',
      ' a ',
      '\u00a0',
      'é',
      '\u{1F680}',
      'a b',
      '{}',
      '+1.2:3-4_5',
      '\n',
      '\t',
    ];
    await world.ingest(tenant, app, [...people, room]);
    const records = names.flatMap((name, index) => [
      {
        type: 'message',
        externalId: name,
        conversation: 'room',
        author: 'ada',
        sentAt: at(index),
        channel: name,
        campaignId: name,
      },
      { type: 'message', externalId: `${name}.`, conversation: 'room', author: 'ben', sentAt: at(index), replyTo: name },
      // Waits for what never comes.
      { type: 'message', externalId: `${name}?`, conversation: 'room', sentAt: at(index), channel: '', replyTo: `${name}!` },
    ]);
    expect((await ingestAs(world, { tenant, app }, records)).counts['message']).toEqual([records.length, 0, 0]);
    expect((await ingestAs(world, { tenant, app }, records)).counts['message']).toEqual([0, 0, records.length]);
    const rows = await world.sql(
      `select m.external_id, m.channel, m.campaign_id, p.external_id as parent, m.reply_to_external as waiting, m.author_id is null as nobody
       from messages m left join messages p on p.tenant_id = m.tenant_id and p.id = m.reply_to_id where m.app_id = $1 order by m.id`,
      [app],
    );
    expect(rows).toEqual(
      names.flatMap((name) => [
        { external_id: name, channel: name, campaign_id: name, parent: null, waiting: null, nobody: false },
        { external_id: `${name}.`, channel: null, campaign_id: null, parent: name, waiting: null, nobody: false },
        { external_id: `${name}?`, channel: '', campaign_id: null, parent: null, waiting: `${name}!`, nobody: true },
      ]),
    );
  });

  test('a NUL and half a surrogate pair are replaced, in bodies, names, metadata and ids alike', async () => {
    const app = await world.app(tenant);
    const answer = await ingestAs(world, { tenant, app }, [
      { type: 'user', externalId: 'u\u0000', profile: { displayName: 'A\u0000\uD800' }, metadata: { 'k\u0000': ['v\u0000'] } },
      { type: 'conversation', externalId: 'c\u0000', kind: 'DIRECT', participants: [{ user: 'u\u0000', role: 'r\u0000' }] },
      {
        type: 'message',
        externalId: 'm\u0000',
        conversation: 'c\u0000',
        author: 'u\u0000',
        sentAt: at(1),
        body: 'x\u0000y',
        channel: 'z\u0000',
      },
    ]);
    expect(answer.codes).toEqual([]);
    const held = JSON.stringify(await contentsOf(world, tenant, app));
    expect(held).toContain('x\uFFFDy');
    expect(held).not.toContain('\\u0000');
  });

  test('a body of a million characters is held whole', async () => {
    const app = await world.app(tenant);
    const body = '\u{1F680}'.repeat(500_000);
    await world.ingest(tenant, app, [
      ...people,
      room,
      { type: 'message', externalId: 'm', conversation: 'room', author: 'ada', sentAt: at(1), body },
    ]);
    expect((await contentsOf(world, tenant, app))['messages']![0]!['body']).toBe(body);
  });
});
