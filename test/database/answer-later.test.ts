import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { answerLater } from '../../src/database/answer-later.ts';
import { freshClient } from '../support/cluster.ts';

/* A connection that answers by a callback of ours must answer whoever asks it as pg does. */

let client: pg.Client;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ client, close } = await freshClient());
  answerLater(client);
});
afterAll(() => close());

test('statements are promised, with values or without, by text or by name, and answered in their order', async () => {
  const answered: number[] = [];
  const ask = async (n: number, asked: Promise<pg.QueryResult<{ n: number }>>): Promise<void> => {
    const { rows } = await asked;
    expect(rows).toEqual([{ n }]);
    answered.push(n);
  };
  await Promise.all([
    ask(1, client.query('select 1 as n')),
    ask(2, client.query('select $1::int as n', [2])),
    ask(3, client.query({ name: 'three', text: 'select $1::int as n', values: [3] })),
  ]);
  expect(answered).toEqual([1, 2, 3]);
  const { rows } = await client.query<[number]>({ text: 'select $1::int', values: [4], rowMode: 'array' });
  expect(rows).toEqual([[4]]);
});

test('a statement that fails rejects with the error of the database, which names who asked', async () => {
  async function whoAsked(): Promise<unknown> {
    return await client.query('select nothing from nowhere');
  }
  const error = (await whoAsked().catch((failure: unknown) => failure)) as pg.DatabaseError;
  expect(error.code).toBe('42P01');
  expect(error.stack).toMatch(/whoAsked/);
});

test.each([
  ['behind the text', (done: Done) => client.query('select 5 as n', done)],
  ['behind the values', (done: Done) => client.query('select $1::int as n', [5], done)],
  ['within the statement', (done: Done) => void client.query({ text: 'select 5 as n', callback: done } as pg.QueryConfig)],
  [
    'within a query of its own',
    (done: Done) => void client.query(new pg.Query({ text: 'select 5 as n', callback: done } as never)),
  ],
])('a callback %s is called', async (_where, ask) => {
  const rows = await new Promise((resolve, reject) => ask((error, result) => (error ? reject(error) : resolve(result.rows))));
  expect(rows).toEqual([{ n: 5 }]);
});

type Done = (error: Error, result: pg.QueryResult) => void;
