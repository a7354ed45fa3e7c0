import { expect, test } from '@jest/globals';
import { mentionedIds, renderMentions, storeMentions } from '../../src/data/mention.ts';

const ADA = '01900000-0000-7000-8000-00000000000a';
const BEN = '01900000-0000-7000-8000-00000000000b';
const ids: Record<string, string> = { u1: ADA, 'a.*(b)': BEN, [BEN]: ADA };
const store = (body: string, mentions: string[]): string => storeMentions(body, mentions, (externalId) => ids[externalId]);
const show = (id: string): string => (id === ADA ? '@Ada' : id === BEN ? '@Ben' : '@erased user');

test.each([
  ['a mention', 'hi <@u1>!', ['u1'], 'hi @Ada!'],
  ['a mention that is not in the list', 'hi <@u1>!', [], 'hi <@u1>!'],
  ['an external id full of signs', '<@a.*(b)> and <@aXX(b)>', ['a.*(b)'], '@Ben and <@aXX(b)>'],
  ['an external id of the form of ours', `<@${BEN}>`, [BEN], '@Ada'],
  ['a literal text of the form of ours', `<@${ADA}> <\\@${ADA}>`, [], `<@${ADA}> <\\@${ADA}>`],
  ['a literal text beside a mention', `<@u1> <@${BEN}>`, ['u1'], `@Ada <@${BEN}>`],
  ['no mention at all', 'a < b > c', ['u1'], 'a < b > c'],
])('%s is read as it was meant', (_, body, mentions, read) => {
  expect(renderMentions(store(body, mentions), show)).toBe(read);
});

test('only mentions are mentions', () => {
  expect(mentionedIds(store(`<@u1> <@${BEN}>`, ['u1']))).toEqual([ADA]);
});
