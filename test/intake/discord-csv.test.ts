import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { importDiscord } from '../../src/intake/discord.importer.ts';
import type { SourceEvent } from '../../src/intake/records.ts';
import { droppedIn, eventsOf, eventsOfKind, recordsOf, writeExport } from '../support/import-events.ts';

const read = async (files: Record<string, string>): Promise<SourceEvent[]> => eventsOf(importDiscord, await writeExport(files));

const skips = (events: SourceEvent[]) => eventsOfKind(events, 'skipped');
const warnings = (events: SourceEvent[]) => eventsOfKind(events, 'warning');

const OLD = '\uFEFFAuthorID;Author;Date;Content;Attachments;Reactions;\n';
const NEW = '\uFEFFAuthorID,Author,Date,Content,Attachments,Reactions\r\n';
const row = (separator: string, ...cells: string[]): string =>
  cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(separator);
const old = (...cells: string[]): string => `${row(';', ...cells, ...Array<string>(6 - cells.length).fill(''))};\n`;
const now = (...cells: string[]): string => `${row(',', ...cells, ...Array<string>(6 - cells.length).fill(''))}\r\n`;

test('a last row without a line end may be cut short, and is skipped rather than taken half', async () => {
  const whole =
    OLD + old('101', 'Ada#0001', '17-May-19 12:05 AM', 'one') + old('102', 'Bo#0002', '17-May-19 12:06 AM', 'two', '', 'KMD (1)');
  const events = await read({ 'csv/lobby/hello/1.csv': whole.slice(0, whole.indexOf('"KMD')) });
  expect(recordsOf(events, 'message').map(({ body }) => body)).toEqual(['one']);
  expect(skips(events)).toEqual([
    expect.objectContaining({
      what: 'row',
      at: expect.objectContaining({ line: 3 }),
      reason: expect.stringContaining('cut short'),
    }),
  ]);
});

describe('the CSV of 2019', () => {
  test('a row becomes a message of its author at its minute, with line breaks, quotes, links and counts of reactions', async () => {
    const events = await read({
      'csv/lobby/hello/1.csv':
        OLD +
        old(
          '101',
          'Ada#0001',
          '17-May-19 12:05 AM',
          'one; "two"\nthree',
          'https://cdn.test/attachments/1/77/a.png,https://cdn.test/attachments/1/78/b%20c.png?ex=1&hm=2',
          '👍 (2),KMD (1)',
        ) +
        old('102', 'Bo#0002', '17-May-19 12:06 PM', '=1+1'),
      'csv/lobby/bye/1.csv': OLD,
    });
    expect(recordsOf(events, 'conversation')).toEqual([
      expect.objectContaining({ externalId: 'lobby/bye', kind: 'PUBLIC_GROUP', name: 'bye' }),
      expect.objectContaining({ externalId: 'lobby/hello', kind: 'PUBLIC_GROUP', name: 'hello' }),
    ]);
    const [first, second] = recordsOf(events, 'message');
    expect(first).toMatchObject({
      externalId: expect.stringMatching(/^2019-05-17T00:05Z-[0-9a-f]{16}$/),
      conversation: 'lobby/hello',
      author: '101',
      sentAt: '2019-05-17T00:05:00.000Z',
      body: 'one; "two"\nthree',
      metadata: { reactionCounts: { '👍': 2, KMD: 1 } },
      attachments: [
        { externalId: '77', name: 'a.png', url: 'https://cdn.test/attachments/1/77/a.png' },
        { externalId: '78', name: 'b c.png', url: 'https://cdn.test/attachments/1/78/b%20c.png' },
      ],
    });
    expect(second).toMatchObject({ sentAt: '2019-05-17T12:06:00.000Z', body: '=1+1', metadata: {}, attachments: [] });
    expect(recordsOf(events, 'user')[0]).toMatchObject({
      externalId: '101',
      profile: { handle: 'Ada#0001', displayName: 'Ada' },
    });
    expect(recordsOf(events, 'participant')).toHaveLength(2);
    expect(droppedIn(events)).toEqual({ 'attachment link credentials': 1 });
    expect(warnings(events).map(({ message }) => message)).toEqual([expect.stringContaining('taken as UTC')]);
  });

  test('rows of one author in one minute are told apart, also across the parts of an export, and at every run alike', async () => {
    const twice = old('101', 'Ada#0001', '17-May-19 01:47 PM', 'same') + old('101', 'Ada#0001', '17-May-19 01:47 PM', 'same');
    const files = { 'csv/a/b/2.csv': OLD + twice, 'csv/a/b/10.csv': OLD + twice, 'csv/a/c/1.csv': OLD + twice };
    const ids = recordsOf(await read(files), 'message').map(({ conversation, externalId }) => `${conversation} ${externalId}`);
    expect(new Set(ids).size).toBe(6);
    expect(
      recordsOf(await read(files), 'message').map(({ conversation, externalId }) => `${conversation} ${externalId}`),
    ).toEqual(ids);
    expect(ids.join()).not.toContain('101');
  });

  test('parts are read by their number, 2 before 10', async () => {
    const one = (body: string): string => OLD + old('101', 'Ada#0001', '17-May-19 01:47 PM', body);
    const events = await read({ 'x/a/10.csv': one('ten'), 'x/a/2.csv': one('two'), 'x/b/1.csv': one('other') });
    expect(recordsOf(events, 'message').map(({ body }) => body)).toEqual(['two', 'ten', 'other']);
  });

  test('two exports of one channel whose dates overlap give the same messages the same ids', async () => {
    const same = OLD + old('101', 'Ada#0001', '17-May-19 01:47 PM', 'same');
    const events = await read({
      'G - C - hi [12345] (after 2019-05-01).csv': same,
      'G - C - hi [12345] (before 2019-06-01).csv': same,
    });
    const [first, second] = recordsOf(events, 'message');
    expect(first?.externalId).toBe(second?.externalId);
    expect(recordsOf(events, 'conversation')).toHaveLength(1);
  });

  test('a NUL becomes U+FFFD, with one warning for each at its own line', async () => {
    const events = await read({ 'a.csv': OLD + old('101', 'Ada#0001', '17-May-19 01:47 PM', 'x\ny\0z\0') });
    expect(recordsOf(events, 'message')[0]?.body).toBe('x\ny\uFFFDz\uFFFD');
    expect(warnings(events).flatMap(({ at, message }) => (message.includes('NUL') ? [at.line] : []))).toEqual([3, 3]);
  });

  test('a row with a bad date, too few cells, a bad author or bad quotes is skipped with its line, and the rest is taken over', async () => {
    const events = await read({
      'a.csv':
        OLD +
        old('101', 'Ada#0001', '31-Jun-19 01:47 PM', 'no such day\n') +
        '"101";"Ada#0001";\n' +
        old('Ada', 'Ada#0001', '17-May-19 01:47 PM', 'no id') +
        old('101', 'Ada#0001', '17-May-19 13:47 PM', 'no such hour') +
        old('101', 'Ada#0001', '17-May-19 01:47 PM', 'good') +
        '"101";"Ada#0001";"17-May-19 01:47 PM";"never closed\n',
    });
    expect(skips(events).map(({ what }) => what)).toEqual(['row', 'row', 'row', 'row', 'row']);
    // Where the parser gave up, it knows the end of what was lost only.
    expect(
      skips(events)
        .map(({ at }) => at.line)
        .slice(0, 4),
    ).toEqual([2, 4, 5, 6]);
    expect(recordsOf(events, 'message').map(({ body }) => body)).toEqual(['good']);
  });

  test('somebody who changed their name is held by the last one, with a warning that does not say it', async () => {
    const events = await read({
      'x/a/1.csv': OLD + old('101', 'Later#0001', '17-May-19 01:47 PM', '2') + old('102', 'Bo#0002', '17-May-19 01:47 PM', ''),
      'x/b/1.csv': OLD + old('101', 'Earlier#0001', '16-May-19 01:47 PM', '1'),
      'x/c/1.csv': OLD + old('101', 'Latest#0001', '18-May-19 01:47 PM', '3'),
    });
    const people = recordsOf(events, 'user').filter(({ externalId }) => externalId === '101');
    expect(people.map(({ profile }) => profile.displayName)).toEqual(['Later', 'Latest']);
    expect(
      warnings(events)
        .map(({ message }) => message)
        .join(),
    ).toContain('3 names');
    expect(droppedIn(events)).toEqual({ 'earlier name': 2 });
  });

  test('that mentions are plain text in CSV is said once', async () => {
    const rows =
      OLD + old('101', 'Ada#0001', '17-May-19 01:47 PM', '@Bo hi') + old('101', 'Ada#0001', '17-May-19 01:48 PM', '@Bo');
    const events = await read({ 'a.csv': rows, 'b.csv': rows });
    expect(warnings(events).filter(({ message }) => message.includes('mentions'))).toHaveLength(1);
    expect(recordsOf(events, 'message')[0]).toMatchObject({ body: '@Bo hi', mentions: [] });
  });
});

describe('the CSV of now', () => {
  test('commas separate, times have a zone, and the name of the file says which channel it is', async () => {
    const events = await read({
      'Bakery - Text - oven [123456789012345678].csv':
        NEW + now('101', 'ada', '2024-02-29T23:30:00.1230000+02:00', 'Hi, "you"\r\nthere'),
      'Direct Messages - Private - Bo [223456789012345678].csv':
        NEW + now('102', 'bo', '2024-02-29T23:30:00.0000000+00:00', 'psst'),
    });
    expect(recordsOf(events, 'conversation')).toEqual([
      expect.objectContaining({ externalId: '123456789012345678', kind: 'PUBLIC_GROUP', name: 'oven' }),
      expect.not.objectContaining({ name: expect.anything() }),
    ]);
    expect(recordsOf(events, 'conversation')[1]?.kind).toBe('DIRECT');
    expect(recordsOf(events, 'message')[0]).toMatchObject({ sentAt: '2024-02-29T21:30:00.123Z', body: 'Hi, "you"\r\nthere' });
    expect(warnings(events)).toEqual([]);
  });

  test('media that was exported along is the content of its attachment, and nothing outside of it is', async () => {
    const events = await read({
      'oven [12345].csv':
        NEW +
        now('101', 'ada', '2024-02-29T23:30:00+00:00', '', 'oven [12345].csv_Files/cake-1A2B.png,oven [12345].csv,../x/y.png'),
      'oven [12345].csv_Files/cake-1A2B.png': 'pixels',
    });
    const message = events.find((event) => event.kind === 'record' && event.record.type === 'message');
    const content = message?.kind === 'record' ? [...(message.content?.values() ?? [])] : [];
    expect(content).toHaveLength(1);
    expect(content[0] && (await text(await content[0]()))).toBe('pixels');
    expect(recordsOf(events, 'message')[0]?.attachments.map(({ name, size }) => [name, size])).toEqual([
      ['cake-1A2B.png', 6],
      ['oven [12345].csv', undefined],
      ['y.png', undefined],
    ]);
    expect(warnings(events)).toHaveLength(1);
  });
});

describe('files', () => {
  test('what is no export is skipped, and a CSV beside the JSON of the same name as well', async () => {
    const events = await read({
      'a.json': JSON.stringify({ channel: { id: '900', name: 'oven' }, messages: [] }),
      'a.csv': OLD + old('101', 'Ada#0001', '17-May-19 01:47 PM', 'Hi'),
      'readme.md': '# hi',
      'other.json': '{"x": [1]}',
      'other2.csv': 'a,b\n1,2\n',
      'empty.csv': '',
    });
    expect(
      skips(events)
        .map(({ at }) => at.file)
        .sort(),
    ).toEqual(['a.csv', 'empty.csv', 'other.json', 'other2.csv', 'readme.md']);
    expect(recordsOf(events, 'message')).toEqual([]);
    expect(recordsOf(events, 'conversation')).toHaveLength(1);
  });

  test('a folder in which nothing is an export is refused', async () => {
    await expect(read({ 'a.txt': '' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(read({ 'a.csv': 'a,b\n' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('a.csv:1'),
    });
  });
});
