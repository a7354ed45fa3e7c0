import { expect, test } from '@jest/globals';
import { hashLinkToken, isLinkToken, newLinkToken } from '../../src/artefacts/link-token.ts';

test('a link token fits into a URL as it is and never comes twice', () => {
  const tokens = Array.from({ length: 1_000 }, newLinkToken);
  expect(new Set(tokens).size).toBe(1_000);
  for (const token of tokens) expect(token).toMatch(/^[\w-]{43}$/);
});

test('only the token itself answers to its hash', () => {
  const token = newLinkToken();
  const hash = hashLinkToken(token);
  expect(hash).toHaveLength(32);
  expect(isLinkToken(token, hash)).toBe(true);
  for (const other of [newLinkToken(), '', `${token} `, token.slice(1), hash.toString('base64url')])
    expect(isLinkToken(other, hash)).toBe(false);
  expect(isLinkToken(token, Buffer.alloc(0))).toBe(false);
});
