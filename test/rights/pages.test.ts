import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { unescapeCell } from '../../src/artefacts/formula.ts';
import { openWorld, type World } from '../support/world.ts';
import { downloadZip, finished } from './support.ts';

/** More than a page, so that pages follow one another; of all but the longest of them many are opened together. */
const MESSAGES = 4_300;
const SEED = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31);

const text = fc.oneof(
  { weight: 3, arbitrary: fc.lorem({ maxCount: 12 }) },
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  fc.constantFrom(
    '=1+1',
    ' @SUM(A1)',
    '"quoted"',
    'a,b',
    'a;b',
    'two\nlines',
    'two\r\nlines',
    '+49 30 1234567',
    "'=1",
    '\uFEFF-x',
    '-5',
    'é',
    '😀',
  ),
  fc.integer({ min: 900, max: 1_200 }).map((length) => 'ü'.repeat(length)),
);
const TIMES = [
  '0001-01-01T00:00:00Z',
  '1684-07-28T00:12:25.259008Z',
  '1699-12-31T23:59:59.999999Z',
  '1714-07-01T00:00:00.000003Z',
  '1969-12-31T23:59:59.999999Z',
  '1970-01-01T00:00:00Z',
  '2024-02-29T23:59:59.999999Z',
  '2255-06-05T23:47:34.740993Z',
  '9999-12-31T23:59:59.999Z',
];

interface Sent {
  externalId: string;
  sentAt: string;
  editedAt?: string;
  body: string;
  metadata?: { nth: number; text: string; list: (boolean | number | null)[] };
  channel?: string;
}
let sent: Sent[];
let world: World;
let tenant: string;
let app: string;
beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
  app = await world.app(tenant);
  process.stdout.write(`fast-check seed ${SEED}\n`);
  const texts = fc.sample(text, { seed: SEED, numRuns: MESSAGES });
  sent = texts.map((body, nth) => ({
    externalId: `m${nth}`,
    sentAt:
      TIMES[nth] ??
      new Date(Date.UTC(2026, 0, 1, 0, 0, nth * 7, nth % 1000))
        .toISOString()
        .replace('.000Z', 'Z')
        .replace(/(\.\d*?)0+Z$/, '$1Z'),
    // What is typed as a mention stays text, and what is one is shown by the person's name.
    body: nth % 50 === 3 ? `${body} <@v> and <@u>` : body,
    ...(nth % 9 === 1 && { editedAt: '2026-03-04T05:06:07.089Z' }),
    ...(nth % 7 === 2 && { metadata: { nth, text: body, list: [null, true, 1.5] } }),
    ...(nth % 5 === 4 && { channel: 'web' }),
  }));
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u', profile: { displayName: 'Una "U" Ünal' } },
    { type: 'user', externalId: 'v' },
    { type: 'conversation', externalId: 'c', kind: 'PRIVATE_GROUP', participants: [{ user: 'u' }, { user: 'v' }] },
  ]);
  for (let from = 0; from < MESSAGES; from += 500)
    await world.ingest(
      tenant,
      app,
      sent.slice(from, from + 500).map((message) => ({
        type: 'message',
        conversation: 'c',
        author: 'u',
        ...(message.body.includes('<@v>') && { mentions: ['v'] }),
        ...message,
      })),
    );
});
afterAll(() => world.close());

async function packageOf(format: string): Promise<Map<string, Buffer>> {
  const ask = world.as({ tenant, app, role: 'INTEGRATOR' });
  const id = await world.userId(tenant, app, 'u');
  const { data, codes } = await ask(
    `mutation ($id: ID!) { requestAccess(userId: $id, format: ${format}, others: OWN) { request { id } } }`,
    { id },
  );
  expect(codes).toEqual([]);
  const request = await finished(ask, data.requestAccess.request.id);
  expect(request).toMatchObject({ status: 'COMPLETED', error: null });
  return downloadZip(world, ask, request.artefact.id);
}

const byId = <Row extends { externalId: string }>(rows: readonly Row[]): Row[] =>
  rows.toSorted((a, b) => Number(a.externalId.slice(1)) - Number(b.externalId.slice(1)));
const shown = (body: string): string => body.replace('<@v>', '@Person 1');

test('a package of several pages holds every message as it was sent, to the microsecond', async () => {
  const { data } = JSON.parse((await packageOf('JSON')).get('data.json')!.toString());
  const rows = byId(data.messages as (Sent & { author: string; id: string })[]);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(MESSAGES);
  expect(
    rows.map(({ externalId, sentAt, body, editedAt, metadata, channel, author }) => ({
      externalId,
      sentAt,
      body,
      editedAt,
      metadata,
      channel,
      author,
    })),
  ).toEqual(
    sent.map(({ body, ...message }) => ({
      editedAt: null,
      metadata: null,
      channel: null,
      author: 'Una "U" Ünal',
      ...message,
      body: shown(body),
    })),
  );
});

test('as CSV it says the same as as NDJSON', async () => {
  const lines = (await packageOf('NDJSON')).get('data.ndjson')!.toString().trimEnd().split('\n');
  const objects = lines.map((line) => JSON.parse(line)).filter(({ category }) => category === 'messages');
  const csv = (await packageOf('CSV')).get('messages.csv')!.toString();
  const rows = parse(csv, { bom: true, columns: true }) as Record<string, string>[];
  expect(rows.length).toBe(MESSAGES);
  const cell = (value: unknown): string => (value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value));
  for (const [nth, { category: _, ...object }] of objects.entries())
    expect(Object.fromEntries(Object.entries(rows[nth]!).map(([name, value]) => [name, unescapeCell(value)]))).toEqual(
      Object.fromEntries(Object.entries(object).map(([name, value]) => [name, cell(value)])),
    );
});
