import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { format } from 'prettier';
import { headerSchema, ndjsonSchema } from '../../src/intake/ndjson-schema.ts';
import { parseRecord } from '../../src/intake/parse-record.ts';
import { recordSchema } from '../../src/intake/records.ts';

const docs = resolve(import.meta.dirname, '../../docs');

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);
const isValid = ajv.compile(ndjsonSchema());
const isRecord = (value: unknown): boolean => headerSchema.safeParse(value).success || 'record' in parseRecord(value);

describe('docs/ndjson.schema.json', () => {
  test('is what the schemas of the server say now (HABEAS_WRITE_SCHEMA=1 renews it)', async () => {
    const path = resolve(docs, 'ndjson.schema.json');
    const current = await format(JSON.stringify(ndjsonSchema()), { parser: 'json', printWidth: 130 });
    if (process.env.HABEAS_WRITE_SCHEMA === '1') await writeFile(path, current);
    expect(await readFile(path, 'utf8')).toBe(current);
  });

  test.each([
    [
      'a whole message',
      true,
      {
        type: 'message',
        externalId: 'm',
        conversation: 'c',
        sentAt: '2024-01-02T03:04:05Z',
        reactions: [{ user: 'u', emoji: 'x' }],
      },
    ],
    [
      'a time with an offset',
      true,
      { type: 'messageEdit', externalId: 'm', conversation: 'c', editedAt: '2024-01-02T03:04:05.678+02:00', body: '' },
    ],
    [
      'a time without a zone',
      false,
      { type: 'messageEdit', externalId: 'm', conversation: 'c', editedAt: '2024-01-02T03:04:05', body: '' },
    ],
    ['an unknown field', false, { type: 'user', externalId: 'u', surname: 'x' }],
    ['an unknown type', false, { type: 'person', externalId: 'u' }],
    ['an empty id', false, { type: 'user', externalId: '' }],
    ['a missing field', false, { type: 'messageDeletion', conversation: 'c' }],
    ['a header', true, { type: 'header', schema: 'habeas-native/1', exportedAt: '2024-01-02T03:04:05Z', by: 'us' }],
    ['a header of another schema', false, { type: 'header', schema: 'habeas-native/9' }],
  ])('agrees with the server on %s', (_, valid, value) => {
    expect([isValid(value), isRecord(value)]).toEqual([valid, valid]);
  });
});

describe('docs/ndjson.md', () => {
  const examples = async (): Promise<unknown[]> => {
    const blocks = (await readFile(resolve(docs, 'ndjson.md'), 'utf8')).matchAll(/```ndjson\n([\s\S]*?)```/g);
    return [...blocks].flatMap(([, block]) => (block ?? '').trim().split('\n')).map((line) => JSON.parse(line) as unknown);
  };

  test('shows an example of each type, and each example is valid', async () => {
    const shown = await examples();
    expect(shown.filter((example) => !isRecord(example) || !isValid(example))).toEqual([]);
    const types = new Set(shown.map((example) => (example as { type: string }).type));
    expect([...types].sort()).toEqual(['header', ...recordSchema.options.map((option) => option.shape.type.value)].sort());
  });

  test('explains each field of each type', async () => {
    const text = await readFile(resolve(docs, 'ndjson.md'), 'utf8');
    for (const option of recordSchema.options) {
      const section = text.split(`\n## ${option.shape.type.value}\n`)[1]?.split('\n## ')[0] ?? '';
      const missing = Object.keys(option.shape).filter((field) => field !== 'type' && !section.includes(`\`${field}\``));
      expect([option.shape.type.value, ...missing]).toEqual([option.shape.type.value]);
    }
  });
});
