import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { getNamedType, isLeafType, isObjectType, type GraphQLObjectType } from 'graphql';
import { makeSchema } from '../../src/api/schema.ts';
import { listen } from '../support/statements.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { settle, type Town } from './town.ts';

let world: World;
let town: Town;
let ask: Ask;
let fields: string[];
beforeAll(async () => {
  world = await openWorld({ work: false });
  town = await settle(world);
  ask = world.as({ tenant: town.tenant, app: town.app });
  const type = (await makeSchema()).getType('Message') as GraphQLObjectType;
  fields = Object.values(type.getFields()).map((field) => {
    const below = getNamedType(field.type);
    if (isLeafType(below)) return field.name;
    const connection = isObjectType(below) && below.name.endsWith('Connection');
    return `${field.name} ${connection ? '{ edges { node { __typename id } } }' : '{ __typename }'}`;
  });
});
afterAll(() => world.close());

const LISTS = {
  'a conversation’s': (selection: string) =>
    `{ conversation(id: "${town.group}") { messages(first: 50) { edges { node { ${selection} } } } } }`,
  'a person’s': (selection: string) => `{ user(id: "${town.ada}") { messages(first: 50) { edges { node { ${selection} } } } } }`,
  'all that are in scope': (selection: string) => `{ messages(first: 50) { edges { node { ${selection} } } } }`,
  'what answers one': (selection: string) =>
    `{ message(id: "${town.messages['g1']}") { replies(first: 50) { edges { node { ${selection} } } } } }`,
};
type Row = Record<string, unknown>;
const rowsOf = (data: Record<string, Record<string, unknown>>): Row[] => {
  const [top] = Object.values(data) as [Record<string, unknown>];
  const page = (top['messages'] ?? top['replies'] ?? top) as { edges: { node: Row }[] };
  return page.edges.map(({ node }) => node);
};

test.each(Object.entries(LISTS))('of %s messages each field says alone what it says beside all others', async (_, of) => {
  const whole = await ask(of(fields.join(' ')));
  expect(whole.codes).toEqual([]);
  const rows = rowsOf(whole.data);
  expect(rows.length).toBeGreaterThan(1);
  expect(fields.length).toBeGreaterThan(15);
  for (const field of fields) {
    const alone = await ask(of(field));
    const [name] = field.split(' ') as [string];
    expect({ field, codes: alone.codes }).toEqual({ field, codes: [] });
    expect(rowsOf(alone.data)).toEqual(rows.map((row) => ({ [name]: row[name] })));
  }
});

test('columns that nothing asks for are not read, wherever the fields are written down', async () => {
  const statements = listen(world);
  const pages = (): boolean[] =>
    statements
      .splice(0)
      .filter((sql) => sql.includes('cross join lateral'))
      .map((sql) => sql.includes('m.metadata'));
  const list = LISTS['a person’s'];
  await ask(list('id body author { displayName }'));
  expect(pages()).toEqual([false]);
  for (const selection of [
    'id metadata',
    '... on Message { metadata }',
    '...F',
    'body other: metadata',
    'metadata @skip(if: true)',
  ])
    await ask(`${list(selection)} ${selection.includes('...F') ? 'fragment F on Message { body metadata }' : ''}`);
  expect(pages()).toEqual([true, true, true, true, true]);
  // One field, two selections: what either asks for is read.
  await ask(
    `query { user(id: "${town.ada}") { messages { edges { node { body } } } ... { messages { edges { node { kind } } } } } }`,
  );
  expect(pages()).toEqual([true]);
});
