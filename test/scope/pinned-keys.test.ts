import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { openWorld, type Answer, type World } from '../support/world.ts';

const CREATE =
  'mutation ($key: String!) { createApiKey(name: "identity provider", role: AUDITOR, algorithm: ES256, publicKey: $key) { key { kid } } }';

let world: World;
let tenant: string;
let kid: string;
const first = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const second = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = (key: KeyObject, name: string): object => ({ ...key.export({ format: 'jwk' }), kid: name, use: 'sig', alg: 'ES256' });

const create = (key: unknown): Promise<Answer> =>
  world.as({ tenant })(CREATE, { key: typeof key === 'string' ? key : JSON.stringify(key) });
const sign = (key: KeyObject, header: string, claims: object = {}): string => {
  const iat = Math.floor(Date.now() / 1000);
  return jwt.sign(
    {
      iss: 'https://id.example',
      aud: 'habeas',
      sub: 'officer@example',
      jti: randomUUID(),
      iat,
      exp: iat + 600,
      scope: 'tenant',
      tenant,
      key: kid,
      azp: 'a claim of their own',
      ...claims,
    },
    key,
    { algorithm: 'ES256', keyid: header },
  );
};
const ask = (token: string): Promise<Answer> => world.as(token)('{ auditLog(first: 1) { edges { node { act } } } }');

beforeAll(async () => {
  world = await openWorld({ work: false });
  tenant = await world.tenant();
  const { data, messages } = await create({ keys: [jwk(first.publicKey, 'one'), jwk(second.publicKey, 'two')] });
  expect(messages).toEqual([]);
  kid = data.createApiKey.key.kid;
});
afterAll(() => world.close());

test('tokens of an identity provider are taken under each key of the set pinned for it', async () => {
  expect((await ask(sign(first.privateKey, 'one'))).codes).toEqual([]);
  expect((await ask(sign(second.privateKey, 'two'))).codes).toEqual([]);
});

test.each([
  ['a key that is not in the set', () => sign(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'one')],
  ['another key of the set than it names', () => sign(first.privateKey, 'two')],
  ['a name that is not in the set', () => sign(first.privateKey, 'three')],
  ['no key of ours in its claims', () => sign(first.privateKey, 'one', { key: undefined })],
  ['another tenant', () => sign(first.privateKey, 'one', { tenant: randomUUID() })],
  ['a key of ours in its header as well', () => sign(first.privateKey, kid)],
])('a token with %s is refused', async (_, token) => {
  const answer = await ask(token());
  expect([answer.status, answer.codes]).toEqual([401, ['UNAUTHENTICATED']]);
});

test.each([
  ['a private key', () => ({ keys: [{ ...first.privateKey.export({ format: 'jwk' }), kid: 'one' }] })],
  ['a key without a kid', () => ({ keys: [first.publicKey.export({ format: 'jwk' })] })],
  ['two keys of one kid', () => ({ keys: [jwk(first.publicKey, 'one'), jwk(second.publicKey, 'one')] })],
  ['a key of another curve', () => ({ keys: [jwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey, 'one')] })],
  ['no key at all', () => ({ keys: [] })],
  ['more than ten keys', () => ({ keys: Array.from({ length: 11 }, (_, i) => jwk(first.publicKey, `k${i}`)) })],
  ['broken JSON', () => '{ "keys": ['],
])('a set with %s is refused when it is registered', async (_, set) => {
  expect((await create(set())).codes).toEqual(['INVALID_INPUT']);
});
