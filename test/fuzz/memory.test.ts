import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createDeflateRaw } from 'node:zlib';
import { zipOf } from '../support/zip-of.ts';
import { FORMATS } from './support/made-up.ts';
import { toBytes } from './support/mutate.ts';
import { LONG } from './support/outcome.ts';

/*
 * Each reads an export in a process of its own that may hold 200 MB of values: what does not bound its memory dies there. Three
 * of the files are read in `npm test`, all of them in `npm run test:long`.
 */
const MB = 2 ** 20;
const SIZE = 100 * MB;
const long = LONG ? test : test.skip;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'habeas-memory-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Fed {
  counts: Record<string, number>;
  reasons: string[];
  refusal?: string;
  peak: number;
}

async function fed(format: string, path: string): Promise<Fed> {
  const feed = join(import.meta.dirname, 'support/feed.ts');
  const argv = ['--max-old-space-size=200', '--no-warnings', '--experimental-transform-types', feed, format, join(folder, path)];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 300_000, env: { PATH: process.env['PATH'] } });
  return JSON.parse(stdout) as Fed;
}

/** A file of a beginning, something again and again, and an end. */
async function filled(path: string, head: string, piece: string, tail: string, size = SIZE): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  const file = createWriteStream(join(folder, path));
  const block = Buffer.from(piece.repeat(Math.ceil(MB / piece.length)));
  file.write(head);
  for (let written = 0; written < size; written += block.length) if (!file.write(block)) await once(file, 'drain');
  file.end(tail);
  await once(file, 'finish');
}

const NEXT = '\n{"type":"user","externalId":"next"}\n';
const ROOMY = 700 * MB;

test('a line of 100 MB is skipped, and the next one read', async () => {
  await filled('long/a.ndjson', '{"type":"user","externalId":"', 'x', `"}${NEXT}`);
  const { counts, reasons, peak } = await fed('ndjson', 'long');
  expect(counts).toMatchObject({ record: 1, skipped: 1 });
  expect(reasons).toEqual(['the line is longer than 32 MB']);
  expect(peak).toBeLessThan(ROOMY);
});

long.each([
  ['brackets', '[', '', '', /nested deeper/],
  ['empty objects', '{"type":"user","externalId":"a","metadata":{"a":[{},', '{},', '{}]}}', /objects and lists/],
  ['numbers', '{"type":"user","externalId":"a","metadata":{"a":[1,', '1,', '1]}}', /values/],
  ['backslashes', '{"type":"user","externalId":"a","metadata":{"a":"', String.raw`\\\\`, '"}}', /longer than 1000000 characters/],
  ['escapes without an end', '{"type":"user","externalId":"a","metadata":{"a":"', String.raw`\n`, '', /not valid JSON/],
])('a line just below the bound, all %s, takes no more memory than its text', async (name, head, piece, tail, reason) => {
  await filled(`line/${name}.ndjson`, head, piece || head, tail + NEXT, 30 * MB);
  const { counts, reasons } = await fed('ndjson', `line/${name}.ndjson`);
  expect(counts).toMatchObject({ record: 1, skipped: 1 });
  expect(reasons).toEqual([expect.stringMatching(reason)]);
});

long('lines just below the bound, one behind the other, take no more than a few of them', async () => {
  const line = `{"type":"user","externalId":"a","metadata":{"a":"${'é'.repeat(15 * MB)}"}}\n`;
  await mkdir(join(folder, 'lines'));
  for (let index = 0; index < 12; index++) await appendFile(join(folder, 'lines/a.ndjson'), line);
  const { counts } = await fed('ndjson', 'lines');
  expect(counts).toMatchObject({ skipped: 12 });
});

const small = async (path: string, format: string, without: string): Promise<void> => {
  for (const [name, part] of Object.entries(FORMATS[format]!.files)) {
    if (name === without) continue;
    await mkdir(dirname(join(folder, path, name)), { recursive: true });
    await writeFile(join(folder, path, name), toBytes(part));
  }
};

long('a day of 100 MB is read message by message', async () => {
  const day = 'general/2020-11-05.json';
  await small('day', 'slack', day);
  const piece = JSON.stringify({ type: 'presence', text: 'x'.repeat(10_000) });
  await filled(`day/${day}`, '[', `${piece},`, `${piece}]`);
  const { counts, reasons, peak } = await fed('slack', 'day');
  expect(reasons).toContain('its type is not "message"');
  expect(counts['skipped']).toBeGreaterThan(9_000);
  expect(peak).toBeLessThan(ROOMY);
});

test('one message of 100 MB in a day is refused, and the other days are read', async () => {
  const day = 'general/2020-11-05.json';
  await small('message', 'slack', day);
  await filled(`message/${day}`, '[{"type":"message","text":"', 'x', '"}]');
  const { counts, reasons, refusal } = await fed('slack', 'message');
  expect(refusal).toBeUndefined();
  expect(reasons).toContainEqual(expect.stringContaining(`${day}: element 1 is longer than`));
  expect(counts['record']).toBeGreaterThan(5);
});

long.each([
  [
    'mattermost',
    'export.jsonl',
    '{"type":"version","version":1}\n{"type":"post","post":{"message":"',
    'x',
    '"}}\n',
    'The line is too long.',
  ],
  [
    'discord csv',
    'a.csv',
    'AuthorID,Author,Date,Content,Attachments,Reactions\r\n1,a,2024-02-29T10:00:00+00:00,"',
    'x',
    '",,\r\n',
    /a row is longer than/,
  ],
  ['discord json', 'a.json', '{"channel":{"id":"9"},"messages":[{"content":"', 'x', '"}]}', /element 1 of "messages" is longer/],
  ['discord json', 'b.json', '{"channel":{"id":"9"},"x":[', '[],', '[]],"messages":[]}', /no export of DiscordChatExporter/],
] as const)('%s (%s): 100 MB without an end are refused or skipped', async (format, path, head, piece, tail, why) => {
  await filled(`${format}/${path}`, head, piece, tail);
  const { reasons, refusal, peak } = await fed(format, `${format}/${path}`);
  expect([...reasons, refusal]).toContainEqual(expect.stringMatching(why));
  expect(peak).toBeLessThan(ROOMY);
});

/** Ten gigabytes of zeros, in ten megabytes. */
async function zeros(bytes: number): Promise<Buffer> {
  const deflate = createDeflateRaw({ level: 9 });
  const chunks: Buffer[] = [];
  deflate.on('data', (chunk: Buffer) => chunks.push(chunk));
  const block = Buffer.alloc(16 * MB);
  for (let written = 0; written < bytes; written += block.length) if (!deflate.write(block)) await once(deflate, 'drain');
  deflate.end();
  await once(deflate, 'end');
  return Buffer.concat(chunks);
}

test('a zip bomb is refused, whether its headers say what it is or lie', async () => {
  const size = LONG ? 10 * 2 ** 30 : 2 ** 27;
  const data = await zeros(size);
  for (const [name, says] of [
    ['honest', Math.min(size, 2 ** 32 - 2)],
    ['lying', 50 * MB],
  ] as const) {
    const packed = { data, crc: 0, size: says };
    const entries = [
      { name: 'users.json', content: '[]' },
      { name: 'general/2020-11-05.json', content: '', packed },
      { name: 'x.ndjson', content: '', packed },
    ];
    await writeFile(join(folder, `${name}.zip`), zipOf(entries));
    const slack = await fed('slack', `${name}.zip`);
    expect([...slack.reasons, slack.refusal]).toContainEqual(expect.stringMatching(/may be a bomb|not valid JSON/));
    const native = await fed('ndjson', `${name}.zip`);
    expect(native.refusal).toMatch(/may be a bomb|too many bytes in the stream/);
    expect(Math.max(slack.peak, native.peak)).toBeLessThan(ROOMY);
  }
}, 600_000);
