import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ work: false });
});
afterAll(() => world.close());

test('a null where a variable with a default leads to an argument that takes none is the caller’s mistake, and says which', async () => {
  const tenant = await world.tenant();
  const logged: string[] = [];
  world.system.log.error = (_fields, message) => void logged.push(message);
  const answer = await world.as({ tenant })('query ($first: Int = 5) { users(first: $first) { edges { cursor } } }', {
    first: null,
  });
  expect([answer.codes, answer.messages]).toEqual([
    ['BAD_USER_INPUT'],
    ['Argument "first" of non-null type "Int!" must not be null.'],
  ]);
  expect(logged).toEqual([]);
});
