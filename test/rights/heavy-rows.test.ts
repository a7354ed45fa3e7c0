import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { buildHabeas } from '../faults/processes.ts';
import { environmentOf } from '../faults/site.ts';
import { LONG } from '../fuzz/support/outcome.ts';
import { openWorld, type World } from '../support/world.ts';
import { downloadZip, finished, REQUEST } from './support.ts';

/** Twice what a page may weigh, in rows of the longest texts, with light ones between. */
const TEXTS = Array.from({ length: 70 }, (_, nth) => (nth % 2 ? `light ${nth}` : `${nth} `.padEnd(1_000_000, 'x')));
const short = (text: string): string => `${text.slice(0, 8)}… ${text.length}`;
/** A text with its long runs counted, which is read in a hundredth of the time. */
const squeezed = (text: string): string => text.replaceAll(/x{100,}/g, (run) => `${run.length} times x`);

let world: World;
let tenant: string;
let app: string;
beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
  app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u' },
    { type: 'user', externalId: 'v' },
    { type: 'user', externalId: 'w' },
    { type: 'conversation', externalId: 'g', kind: 'PRIVATE_GROUP', participants: [{ user: 'v' }, { user: 'w' }] },
    { type: 'conversation', externalId: 'c', kind: 'DIRECT', participants: [{ user: 'u' }, { user: 'v' }] },
  ]);
  await write('m', TEXTS);
  await write('w', TEXTS.slice(0, 40), 'g', 'w');
  // Each of v's answers one of w's.
  for (let nth = 0; nth < 40; nth += 1) await write(`v${nth}-`, ['yes'], 'g', 'v', `w${nth}`);
});
afterAll(() => world.close());

async function write(name: string, texts: readonly string[], conversation = 'c', author = 'u', replyTo?: string): Promise<void> {
  for (const [nth, body] of texts.entries()) {
    const sentAt = new Date(Date.UTC(2026, 0, 1, 0, nth)).toISOString();
    await world.ingest(tenant, app, [
      { type: 'message', externalId: `${name}${nth}`, conversation, author, sentAt, body, ...(replyTo && { replyTo }) },
    ]);
  }
}

/** The files of a package, asked for by the integrator. */
async function packageOf(user: string, format: string, others: string): Promise<Map<string, Buffer>> {
  const ask = world.as({ tenant, app, role: 'INTEGRATOR' });
  const { data, codes } = await ask(
    `mutation ($id: ID!) { requestAccess(userId: $id, format: ${format}, ${others}) { request { id } } }`,
    { id: await world.userId(tenant, app, user) },
  );
  expect(codes).toEqual([]);
  const request = await finished(ask, data.requestAccess.request.id);
  expect(request).toMatchObject({ status: 'COMPLETED', error: null });
  return downloadZip(world, ask, request.artefact.id);
}

test("a person's own", async () => {
  const entries = await packageOf('u', 'JSON', 'others: OWN');
  const { data } = JSON.parse(entries.get('data.json')!.toString());
  expect(data.messages.map(({ body }: { body: string }) => short(body))).toEqual(TEXTS.map(short));
});

test('those of others around them', async () => {
  const entries = await packageOf('v', 'CSV', 'others: FULL, reason: "asked in writing"');
  const csv = squeezed(entries.get('context-messages.csv')!.toString());
  const rows = parse(csv, { bom: true, columns: true }) as { body: string }[];
  // What is written in one and the other comes in the order of the conversations.
  expect(rows.map(({ body }) => body).sort()).toEqual([...TEXTS, ...TEXTS.slice(0, 40)].map(squeezed).sort());
});

test('those of a whole app', async () => {
  const ask = world.as({ tenant, app, role: 'INTEGRATOR' });
  const { data } = await ask(`mutation ($app: ID!) { exportApp(appId: $app) { ${REQUEST} } }`, { app });
  const request = await finished(ask, data.exportApp.id);
  expect(request).toMatchObject({ status: 'COMPLETED', error: null });
  const entries = await downloadZip(world, ask, request.artefact.id);
  const [name] = [...entries.keys()].filter((one) => one.endsWith('.ndjson'));
  const records = entries
    .get(name!)!
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const bodies = records.filter(({ type }) => type === 'message').map(({ body }) => short(body));
  const answers = Array.from({ length: 40 }, () => short('yes'));
  expect(bodies.sort()).toEqual([...[...TEXTS, ...TEXTS.slice(0, 40)].map(short), ...answers].sort());
});

test('an answer that would hold them all is refused', async () => {
  const ask = world.as({ tenant, app, role: 'INTEGRATOR' });
  const id = await world.userId(tenant, app, 'u');
  const { codes } = await ask('query ($id: ID!) { personData(userId: $id) }', { id });
  expect(codes).toEqual(['LIMIT_EXCEEDED']);
  // Nor two of them, each of which it could hold.
  const other = await world.userId(tenant, app, 'w');
  const once = await ask('query ($id: ID!) { personData(userId: $id) }', { id: other });
  expect(once.codes).toEqual([]);
  const twice = await ask('query ($id: ID!) { a: personData(userId: $id) b: personData(userId: $id) }', { id: other });
  expect(twice.codes).toContain('LIMIT_EXCEEDED');
});

(LONG ? test : test.skip)(
  'a process that exports ten times as many holds no more than a few pages',
  async () => {
    await write(
      'more',
      Array.from({ length: 350 }, (_, nth) => `${nth} `.padEnd(1_000_000, 'x')),
    );
    const built = await buildHabeas();
    const out = join(world.home, 'heavy.zip');
    const argv = ['export', 'user', await world.userId(tenant, app, 'u'), '--tenant', tenant, '--out', out];
    const exporting = built.start(argv, environmentOf(world));
    let peak = 0;
    const watching = setInterval(() => {
      const status = readFileSync(`/proc/${exporting.child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
    }, 50);
    exporting.child.once('exit', () => clearInterval(watching));
    expect(await exporting.ended).toBe(0);
    expect((await stat(out)).size).toBeGreaterThan(400_000);
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThan(300);
    await built.remove();
  },
  240_000,
);
