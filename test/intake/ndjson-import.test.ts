import { afterEach, describe, expect, test } from '@jest/globals';
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { deflateRawSync } from 'node:zlib';
import { importNdjson } from '../../src/intake/ndjson.importer.ts';
import { eventsOf, eventsOfKind, recordsOf, writeExport } from '../support/import-events.ts';
import { zipOf } from '../support/zip-of.ts';

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

async function folderOf(files: Record<string, unknown>): Promise<string> {
  const folder = await writeExport(files);
  folders.push(folder);
  return folder;
}
const imported = async (files: Record<string, unknown>, path = '') => eventsOf(importNdjson, join(await folderOf(files), path));
const ndjson = (...records: unknown[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');

const user = { type: 'user', externalId: 'u-1' };
const withFile = (path: string) => ({
  type: 'message',
  externalId: 'm',
  conversation: 'c',
  sentAt: '2026-02-01T10:00:00Z',
  attachments: [{ externalId: 'f', path }],
});

describe('native NDJSON', () => {
  test('is read line by line, each record completed and placed', async () => {
    const events = await imported({
      'a.ndjson': `\uFEFF${ndjson({ type: 'header', schema: 'habeas-native/1' }, user)}\r\n${ndjson({ ...user, externalId: 'u-2' })}`,
    });
    expect(events.filter((event) => event.kind !== 'progress')).toEqual([
      {
        kind: 'record',
        at: { file: 'a.ndjson', line: 2 },
        record: { ...user, kind: 'END_USER', profile: {}, metadata: {}, identifiers: [], channels: [] },
      },
      { kind: 'record', at: { file: 'a.ndjson', line: 4 }, record: expect.objectContaining({ externalId: 'u-2' }) },
    ]);
    const progress = eventsOfKind(events, 'progress').at(-1);
    expect(progress?.done).toBe(progress?.total);
  });

  test('is read from a folder or a zip in the order of the names, and from one file whatever it is called', async () => {
    const files = {
      'b.ndjson': ndjson({ ...user, externalId: '2' }),
      'a.jsonl': ndjson({ ...user, externalId: '1' }),
      'notes.txt': 'x',
    };
    const folder = await folderOf(files);
    const ids = async (path: string) => recordsOf(await eventsOf(importNdjson, path), 'user').map(({ externalId }) => externalId);
    expect(await ids(folder)).toEqual(['1', '2']);
    await writeFile(join(folder, 'all.zip'), zipOf(Object.entries(files).map(([name, content]) => ({ name, content }))));
    expect(await ids(join(folder, 'all.zip'))).toEqual(['1', '2']);
    await writeFile(join(folder, 'export'), files['b.ndjson']);
    expect(await ids(join(folder, 'export'))).toEqual(['2']);
  });

  test('is read the same from a source that is large enough for a thread of its own', async () => {
    const broken = ['{"type":"user"', '', '[]', ndjson({ type: 'user', externalId: '' }).trim(), '{"type":"header"}'];
    const wild = { type: 'conversation', externalId: 'c\u0000', kind: 'DIRECT', name: '\ud800 "\\ 😀' };
    const few = [...broken, JSON.stringify(wild), JSON.stringify(user)].join('\n');
    const small = await imported({ 'a.ndjson': few });
    const before = Array.from({ length: 15_000 }, (_, id) =>
      ndjson({ ...user, externalId: `u-${id}`, profile: { handle: 'é'.repeat(30) } }),
    );
    const large = await imported({ 'a.ndjson': before.join('') + few, 'b.ndjson': few });
    const moved = small.map((event) =>
      'at' in event ? { ...event, at: { ...event.at, line: event.at.line! + before.length } } : event,
    );
    const told = (events: typeof small) => events.filter(({ kind }) => kind !== 'progress');
    expect(
      told(large)
        .slice(0, before.length)
        .map((event) => 'at' in event && event.at.line),
    ).toEqual(before.map((_, id) => id + 1));
    expect(told(large).slice(before.length)).toEqual([
      ...told(moved),
      ...told(small).map((event) => ('at' in event ? { ...event, at: { ...event.at, file: 'b.ndjson' } } : event)),
    ]);
    expect(told(small)).toHaveLength(7);
    expect(eventsOfKind(large, 'progress').at(-1)).toMatchObject({ done: Buffer.byteLength(before.join('') + few + few) });
  });

  test('of a damaged zip the lines before the damage are read, but for those that its own stream drops', async () => {
    const count = 20_000;
    const ids = Array.from({ length: count }, (_, id) => `u-${id}`);
    const content = ids.map((externalId) => ndjson({ ...user, externalId, metadata: { text: 'x'.repeat(100) } })).join('');
    const packed = { data: deflateRawSync(content), crc: 1, size: content.length };
    const folder = await folderOf({ 'a.zip': zipOf([{ name: 'a.ndjson', content: '', packed }]) });
    const read: string[] = [];
    const reading = (async () => {
      for await (const event of importNdjson(join(folder, 'a.zip')))
        if (event.kind === 'record' && event.record.type === 'user') read.push(event.record.externalId);
    })();
    await expect(reading).rejects.toThrow('a.ndjson');
    expect(read).toEqual(ids.slice(0, read.length));
    expect(read.length).toBeGreaterThan(count - 1_500);
  });

  test('has every example of its documentation taken over', async () => {
    const docs = await readFile(resolve(import.meta.dirname, '../../docs/ndjson.md'), 'utf8');
    const examples = [...docs.matchAll(/```ndjson\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
    const events = await imported({ 'a.ndjson': examples.join('') });
    expect(eventsOfKind(events, 'skipped')).toEqual([]);
    expect(eventsOfKind(events, 'record')).toHaveLength(examples.join('').split('\n').length - 2);
  });

  test.each([
    ['is not JSON', '{"type": "user", "externalId": SECRET}', 'line', 'not valid JSON at column 32'],
    ['is no object', '["SECRET"]', 'line', 'not a JSON object'],
    ['is of an unknown type', '{"type": "SECRET"}', 'line', 'type: '],
    ['lacks a field', '{"type": "messageDeletion", "conversation": "SECRET"}', 'messageDeletion', 'externalId: '],
    [
      'has a field of another type',
      '{"type": "user", "externalId": "u", "profile": {"email": ["SECRET"]}}',
      'user',
      'profile.email: ',
    ],
    [
      'has an unknown field',
      '{"type": "user", "externalId": "u", "SECRET": 1}',
      'user',
      'the record: 1 field(s) that are not in the schema',
    ],
    ['has an unknown word', '{"type": "user", "externalId": "u", "kind": "SECRET"}', 'user', 'kind: '],
    [
      'has a time without a zone',
      '{"type": "user", "externalId": "u", "signedUpAt": "2024-01-01 SECRET"}',
      'user',
      'signedUpAt: ',
    ],
    [
      'has a malformed digest',
      '{"type": "message", "externalId": "u", "conversation": "c", "sentAt": "2024-01-01T00:00:00Z", "attachments": [{"externalId": "f", "sha256": "SECRET"}]}',
      'message',
      'attachments.0.sha256: ',
    ],
    ['is a header too late', '{"type": "header", "schema": "habeas-native/1"}', 'header', 'a header may only be the first line'],
  ])('skips a line that %s, naming place and field and quoting nothing', async (_, line, what, reason) => {
    const events = await imported({ 'a.ndjson': `${ndjson(user)}${line}\n${ndjson(user)}` });
    expect(eventsOfKind(events, 'record').map((event) => event.at.line)).toEqual([1, 3]);
    expect(eventsOfKind(events, 'skipped')).toEqual([
      { kind: 'skipped', at: { file: 'a.ndjson', line: 2 }, what, reason: expect.stringContaining(reason) },
    ]);
    expect(JSON.stringify(events)).not.toContain('SECRET');
  });

  test('takes NUL characters, unpaired surrogates and bytes that are not UTF-8 for U+FFFD, with a warning', async () => {
    const nul = JSON.stringify({ ...user, profile: { displayName: 'a\u0000b\uD800c' } });
    const bytes = Buffer.concat([
      Buffer.from('{"type":"user","externalId":"u","profile":{"displayName":"a'),
      Buffer.from([0xff]),
      Buffer.from('"}}\n'),
    ]);
    const events = await imported({
      'a.ndjson': Buffer.concat([
        Buffer.from(`${nul}\n`),
        bytes,
        Buffer.from(ndjson({ ...user, profile: { title: '\\u0000' } })),
      ]),
    });
    expect(recordsOf(events, 'user').map(({ profile }) => profile)).toEqual([
      { displayName: 'a\uFFFDb\uFFFDc' },
      { displayName: 'a\uFFFD' },
      { title: '\\u0000' },
    ]);
    expect(eventsOfKind(events, 'warning').map((event) => event.at.line)).toEqual([1, 2]);
  });

  test('of a schema that is not known, or with no file of it at all, is refused', async () => {
    await expect(imported({ 'a.ndjson': ndjson({ type: 'header', schema: 'habeas-native/9' }) })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'a.ndjson, line 1: the header names no schema that is known here; this version reads habeas-native/1.',
    });
    await expect(imported({ 'a.txt': '' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('the content of attachments', () => {
  const contentOf = async (events: Awaited<ReturnType<typeof imported>>) => {
    const [event] = eventsOfKind(events, 'record');
    const open = event?.content?.get('f');
    return open ? text(await open()) : undefined;
  };

  test('is found beside the file, in the folder and in a zip', async () => {
    const files = { 'in/a.ndjson': ndjson(withFile('files/f.txt')), 'in/files/f.txt': 'content', 'other.txt': '' };
    expect(await contentOf(await imported(files))).toBe('content');
    expect(await contentOf(await imported(files, 'in/a.ndjson'))).toBe('content');
    const folder = await folderOf({});
    await writeFile(join(folder, 'a.zip'), zipOf(Object.entries(files).map(([name, content]) => ({ name, content }))));
    // A zip is open for as long as the import runs: the content is read while the record is handled.
    for await (const event of importNdjson(join(folder, 'a.zip'))) {
      const open = event.kind === 'record' ? event.content?.get('f') : undefined;
      if (open) expect(await text(await open())).toBe('content');
    }
  });

  test.each([
    ['../secret.txt'],
    ['/etc/hostname'],
    ['files/../../secret.txt'],
    ['..\\secret.txt'],
    ['link.txt'],
    ['none.txt'],
    [''],
  ])('at %p is not opened: the message comes without it, with a warning that does not repeat the path', async (path) => {
    const folder = await folderOf({ 'in/a.ndjson': ndjson(withFile(path)), 'secret.txt': 'secret' });
    await symlink(join(folder, 'secret.txt'), join(folder, 'in/link.txt'));
    const events = await eventsOf(importNdjson, join(folder, 'in/a.ndjson'));
    expect(eventsOfKind(events, 'record').map((event) => event.content)).toEqual([undefined]);
    expect(eventsOfKind(events, 'warning')).toMatchObject([
      { at: { line: 1 }, message: expect.stringMatching(/^attachments\.0\.path: (?:leads out|there is no)/) },
    ]);
  });
});
