import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openWorld, type World } from '../support/world.ts';
import { claims, forger, present, signatureOf, type Seen } from './forge.ts';

const RUNS = process.env['HABEAS_LONG'] === '1' ? 100_000 : 2_000;

let world: World;
let refusal: Seen;
let token: string;
let parsed: { header: Record<string, unknown>; payload: Record<string, unknown> };

beforeAll(async () => {
  world = await openWorld({
    work: false,
    environment: { HABEAS_LIMIT_REFUSALS: '100000000', HABEAS_LIMIT_ADDRESS_RATE: '100000000' },
  });
  const tenant = await world.tenant();
  const { kid, secret } = await world.key({ role: 'TENANT_ADMIN', tenant });
  token = forger(
    kid,
    'HS256',
    secret,
  )(claims({ scope: 'tenant', tenant, sub: 'ada', permissions: ['data:read'], exp: Math.floor(Date.now() / 1000) + 7200 }));
  const [head, body] = token.split('.') as [string, string];
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
  parsed = { header: read(head), payload: read(body) };
  refusal = await present(world.server, {});
});
afterAll(() => world.close());

/** What an HTTP header can carry. */
const printable = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
const place = fc.nat({ max: 4000 });

type Change = (text: string) => string;
const at = (text: string, position: number): number => position % (text.length + 1);
/** Changes of the text: without the secret, no changed text is good. */
const typing: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(place, printable).map(
    ([where, letter]): Change =>
      (text) =>
        text.slice(0, at(text, where)) + letter + text.slice(at(text, where) + 1),
  ),
  fc.tuple(place, printable).map(
    ([where, letter]): Change =>
      (text) =>
        text.slice(0, at(text, where)) + letter + text.slice(at(text, where)),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 20 })).map(
    ([where, count]): Change =>
      (text) =>
        text.slice(0, at(text, where)) + text.slice(at(text, where) + count),
  ),
  fc.tuple(place, place).map(
    ([from, to]): Change =>
      (text) =>
        text + text.slice(at(text, from), at(text, to)),
  ),
);
const name = fc.oneof(
  fc.constantFrom(
    'alg',
    'typ',
    'kid',
    'crit',
    'jku',
    'aud',
    'exp',
    'iat',
    'jti',
    'nbf',
    'scope',
    'tenant',
    'app',
    'user',
    'permissions',
    'sub',
    'iss',
  ),
  fc.string(),
);
const value = fc.oneof(fc.jsonValue(), fc.constantFrom('none', 'HS256', 'provider', 'user', 'habeas', 0, 2 ** 53, ['habeas']));
const guess = fc.constantFrom('none', 'keep', 'empty', 'guessed');

test('no change of a token is taken without its secret', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(typing, { minLength: 1, maxLength: 4 }), async (changes) => {
      const changed = changes.reduce((before, change) => change(before), token);
      fc.pre(changed !== token);
      expect(await present(world.server, { authorization: `Bearer ${changed}` })).toEqual(refusal);
    }),
    { seed: 20260101, numRuns: RUNS / 2 },
  );
}, 3_600_000);

test('no change of its header or its claims is taken without its secret', async () => {
  const signature = token.split('.')[2]!;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('header' as const, 'payload' as const),
      name,
      value,
      guess,
      async (part, claim, content, how) => {
        const document = { ...parsed, [part]: { ...parsed[part], [claim]: content } };
        const input = [document.header, document.payload]
          .map((piece) => Buffer.from(JSON.stringify(piece)).toString('base64url'))
          .join('.');
        fc.pre(!token.startsWith(`${input}.`));
        const signed = {
          none: '',
          keep: signature,
          empty: signatureOf(input, 'HS256', ''),
          guessed: signatureOf(input, 'HS256', 'secret'),
        }[how];
        expect(await present(world.server, { authorization: `Bearer ${input}.${signed}` })).toEqual(refusal);
      },
    ),
    { seed: 20260102, numRuns: RUNS / 2 },
  );
}, 3_600_000);
