import { expect, test } from '@jest/globals';
import { describe as describeError } from '../src/errors.ts';

test('the log says of a database error where it was, and nothing of the values it quotes, on however many lines', () => {
  const error = Object.assign(new Error('invalid input syntax: "first line\nann@example.org\n    at Ann Street 5"'), {
    code: '22P02',
  });
  const logged = describeError(error) as { stack: string[] };
  expect(JSON.stringify(logged)).not.toMatch(/ann/i);
  expect(logged).toMatchObject({ name: 'Error', code: '22P02' });
  expect(logged.stack[0]).toMatch(/^ {4}at .*errors\.test\.ts/);
});
