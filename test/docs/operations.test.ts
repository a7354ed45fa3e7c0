import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse, specifiedRules, validate, type GraphQLSchema } from 'graphql';
import { limitsRule } from '../../src/api/limits.ts';
import { makeSchema } from '../../src/api/schema.ts';
import { readConfig } from '../../src/config.ts';
import { fenced, OPERATIONS, PAGES } from './guide.ts';

const GUIDES = ['docs/integrators.md', 'docs/officers.md', 'docs/audit-log.md'];
const schema: Promise<GraphQLSchema> = makeSchema();

const rules = [...specifiedRules, limitsRule(readConfig({}).limits)];

const problems = async (text: string): Promise<string[]> =>
  validate(await schema, parse(text), rules).map((error) => error.message);

test.each(Object.entries(OPERATIONS))('the example %s is an operation of the schema, within its limits', async (_, text) => {
  expect(await problems(text)).toEqual([]);
});

test.each(PAGES)('what %s shows of GraphQL is of the schema, within its limits', async (page) => {
  for (const block of fenced(page, 'graphql')) expect(await problems(block)).toEqual([]);
});

test.each(GUIDES)('%s quotes the examples as they stand', (guide) => {
  const texts = new Set(Object.values(OPERATIONS));
  for (const block of fenced(guide, 'graphql')) expect(texts).toContain(block);
});

test('no example is there that no guide quotes', () => {
  const quoted = new Set(GUIDES.flatMap((guide) => fenced(guide, 'graphql')));
  expect(Object.keys(OPERATIONS).filter((name) => !quoted.has(OPERATIONS[name]!))).toEqual([]);
});

test("the integrator's guide quotes the code that signs a token", () => {
  expect(fenced('docs/integrators.md', 'ts')).toContain(readFileSync('examples/sign-token.ts', 'utf8'));
});
