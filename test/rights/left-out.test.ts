import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';
import { downloadZip, finished } from './support.ts';

/** So many answers of each, one after the other: enough that those of one person are opened together. */
const RUN = 300;

let world: World;
let tenant: string;
let app: string;
beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
  app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u' },
    { type: 'user', externalId: 'gone' },
    { type: 'user', externalId: 'there' },
    {
      type: 'conversation',
      externalId: 'c',
      kind: 'PRIVATE_GROUP',
      participants: [{ user: 'u' }, { user: 'gone' }, { user: 'there' }],
    },
  ]);
  // A run of the one, a run of the other, and then in turn.
  const authors = [
    ...Array(RUN).fill('gone'),
    ...Array(RUN).fill('there'),
    ...Array(RUN).fill(['there', 'gone']).flat(),
  ] as string[];
  const at = (nth: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, nth)).toISOString();
  const answers = authors.map((author, nth) => ({
    type: 'message' as const,
    externalId: `a${nth}`,
    conversation: 'c',
    author,
    sentAt: at(nth + 1),
    replyTo: 'q',
    body: `${author} ${nth} <@gone>`,
    mentions: ['gone'],
  }));
  await world.ingest(tenant, app, [
    { type: 'message', externalId: 'q', conversation: 'c', author: 'u', sentAt: at(0), body: 'who comes?' },
  ]);
  for (let from = 0; from < answers.length; from += 500) await world.ingest(tenant, app, answers.slice(from, from + 500));
});
afterAll(() => world.close());

test('rows whose key is gone are left out of the middle of a page, and the others stay whose they are', async () => {
  const [u, gone] = await Promise.all(['u', 'gone'].map((name) => world.userId(tenant, app, name)));
  // Between the destruction of the key and the deletion of the rows.
  await world.sql('delete from keys.subject_keys where subject_id = $1', [gone]);
  world.system.keys.cache.forget(tenant);
  const ask = world.as({ tenant, app, role: 'INTEGRATOR' });
  const { data, codes } = await ask(
    'mutation ($id: ID!) { requestAccess(userId: $id, format: JSON, others: FULL, reason: "asked in writing") { request { id } } }',
    { id: u },
  );
  expect(codes).toEqual([]);
  const request = await finished(ask, data.requestAccess.request.id);
  expect(request).toMatchObject({ status: 'COMPLETED', error: null });
  const entries = await downloadZip(world, ask, request.artefact.id);
  const { context } = JSON.parse(entries.get('data.json')!.toString());
  const numbers = [...Array(RUN).keys()].flatMap((nth) => [RUN + nth, 2 * RUN + 2 * nth]).sort((a, b) => a - b);
  expect(context.messages.map(({ body }: { body: string }) => body)).toEqual(numbers.map((nth) => `there ${nth} @erased user`));
  expect(new Set(context.messages.map(({ author }: { author: string }) => author)).size).toBe(1);
  expect(entries.get('data.json')!.toString()).not.toContain(gone);
});
