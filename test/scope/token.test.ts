import { createHmac, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PROVIDER_TENANT } from '../../src/scope/scope.ts';
import type { World } from '../support/world.ts';
import { changed, claims, forger, nextLetter as next, present, signatureOf, type Forger, type Seen } from './forge.ts';
import { ec, hmacKey, openTenants, otherKeys, pem, rsa } from './token.support.ts';

let world: World;
let refusal: Seen;
let tenant: string, other: string, app: string, app2: string, user: string;
/** Each signs with a key of the tenant: a tenant key, an app's, a data subjects' key, one with RS256, one with ES256, a revoked one. */
let admin: Forger, integrator: Forger, people: Forger, rs: Forger, es: Forger, revoked: Forger, provider: Forger, foreign: Forger;
let adminKid: string, adminSecret: string, integratorKid: string, esKid: string, rsKid: string;

beforeAll(async () => {
  ({ world, tenant, other, app, app2, user } = await openTenants());
  [admin, adminKid, adminSecret] = await hmacKey(world, 'TENANT_ADMIN', tenant);
  [integrator, integratorKid] = await hmacKey(world, 'INTEGRATOR', tenant, app);
  [people] = await hmacKey(world, 'DATA_SUBJECT', tenant, app);
  [provider] = await hmacKey(world, 'PROVIDER', PROVIDER_TENANT);
  [foreign] = await hmacKey(world, 'TENANT_ADMIN', other);
  ({ rsKid, esKid, rs, es, revoked } = await otherKeys(world, tenant));
  refusal = await present(world.server, {});
});
afterAll(() => world.close());

const see = (token: string): Promise<Seen> => present(world.server, { authorization: `Bearer ${token}` });
const good = (more: object = {}) => claims({ scope: 'tenant', tenant, ...more });
const goodUser = (more: object = {}) => claims({ scope: 'user', tenant, app, user, ...more });
const now = () => Math.floor(Date.now() / 1000);

describe('a token that is good', () => {
  test.each<[string, () => string]>([
    ['of a tenant key', () => admin(good())],
    ['of a tenant key for an app', () => admin(claims({ scope: 'app', tenant, app }))],
    ['of an app key', () => integrator(claims({ scope: 'app', tenant, app }))],
    ['of an app key for a person', () => integrator(goodUser())],
    ["of a data subjects' key", () => people(goodUser())],
    ['of a provider key', () => provider(claims({ scope: 'provider' }))],
    ['of a provider key for one tenant', () => provider(good())],
    ['signed with RS256', () => rs(good())],
    ['signed with ES256', () => es(good())],
    ['without typ', () => admin(good(), { typ: undefined })],
    [
      'of an identity provider, with claims of its own',
      () =>
        rs(
          good({
            azp: 'x',
            realm_access: { roles: ['a'] },
            resource_access: { b: { roles: ['c'] } },
            sub: 'officer@example.org',
          }),
        ),
    ],
    ['whose texts look like names', () => admin(good({ note: '":"x', sub: 'a":"b\\' }))],
    ['of a clock five seconds ahead', () => admin(good({ iat: now() + 4, exp: now() + 60 }))],
    ['that lives exactly as long as its key allows', () => admin(good({ exp: now() + 86_400, iat: now() }))],
  ])('%s is taken', async (_, token) => {
    expect((await see(token())).status).toBe(200);
  });
});

const text = (value: unknown): string => JSON.stringify(value);
const raw = (name: string, json: string): string => text(good()).replace(/}$/, `,${text(name)}:${json}}`);
const b64 = (value: string): string => Buffer.from(value).toString('base64url');
const withoutSignature = (alg: unknown): string => `${b64(text({ alg, typ: 'JWT', kid: adminKid }))}.${b64(text(good()))}.`;

const SHAPES: [string, () => string][] = [
  ['is empty', () => ''],
  ['is one word', () => 'token'],
  ['has two parts', () => changed(admin(good()), ([h, p]) => [h, p])],
  ['has four parts', () => `${admin(good())}.x`],
  ['has five parts, as an encrypted one', () => `${admin(good())}.x.y`],
  ['has no header', () => changed(admin(good()), ([, p, s]) => ['', p, s])],
  ['has no payload', () => changed(admin(good()), ([h, , s]) => [h, '', s])],
  ['has no signature', () => changed(admin(good()), ([h, p]) => [h, p, ''])],
  ['is two tokens', () => `${admin(good())}, ${admin(good())}`],
  ['has a space within', () => admin(good()).replace('.', ' .')],
  ['is padded', () => `${admin(good())}=`],
  [
    'is in plain base64',
    () =>
      changed(admin(good({ sub: '???>>>' })), ([h, p, s]) => [h, p, s.replaceAll('-', '+').replaceAll('_', '/').padEnd(44, '=')]),
  ],
  ['spells its signature otherwise', () => changed(admin(good()), ([h, p, s]) => [h, p, s.slice(0, -1) + next(s.at(-1)!)])],
  ['is longer than 8 kB', () => admin(good({ pad: 'x'.repeat(8000) }))],
  ['has a header that is no JSON', () => admin(good(), '{')],
  ['has a header that is a list', () => admin(good(), '[]')],
  ['has a header that is null', () => admin(good(), 'null')],
  ['has a header that is a text', () => admin(good(), '"HS256"')],
  ['has a payload that is no JSON', () => admin('{"aud":')],
  ['has a payload that is a list', () => admin(text([good()]))],
  ['has a payload that is null', () => admin('null')],
  ['has a payload that is a number', () => admin('1')],
  ['has a payload that is a text', () => admin('"habeas"')],
  [
    'has a payload that is not UTF-8',
    () => admin(Buffer.concat([Buffer.from(text(good()).replace(/}$/, ',"x":"')), Buffer.of(0xff), Buffer.from('"}')])),
  ],
  ['has a byte order mark', () => admin(`\ufeff${text(good())}`)],
  ['names a claim twice', () => admin(raw('scope', '"tenant"'))],
  ['names a claim twice, once escaped', () => admin(text(good()).replace(/}$/, ',"\\u0073cope":"tenant"}'))],
  ['names a header twice', () => admin(good(), `{"alg":"none","alg":"HS256","typ":"JWT","kid":"${adminKid}"}`)],
];

const ALGORITHMS: [string, () => string][] = [
  ['names no algorithm', () => admin(good(), { alg: undefined })],
  ...['none', 'None', 'NONE', 'nOnE'].map((alg): [string, () => string] => [`is signed by ${alg}`, () => withoutSignature(alg)]),
  ['is signed by none, with a signature', () => admin(good(), { alg: 'none' })],
  ...['hs256', 'HS384', 'HS512', 'RS256', 'ES256', 'PS256', 'EdDSA', '', 0, null, ['HS256']].map(
    (alg): [string, () => string] => [`says ${text(alg)} under an HS256 key`, () => admin(good(), { alg })],
  ),
  ['is signed by an HMAC of the public key', () => forger(rsKid, 'HS256', pem(rsa.publicKey))(good())],
  [
    'is signed by an HMAC of the public key, said to be RS256',
    () => forger(rsKid, 'HS256', pem(rsa.publicKey))(good(), { alg: 'RS256' }),
  ],
  [
    'is signed by an HMAC of the public key in DER',
    () =>
      forger(
        esKid,
        'HS256',
        createPublicKey(pem(ec.publicKey)).export({ type: 'spki', format: 'der' }).toString('latin1'),
      )(good()),
  ],
  ['is signed by an HMAC of nothing', () => forger(adminKid, 'HS256', '')(good())],
  [
    'is signed by another RSA key',
    () => forger(rsKid, 'RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)(good()),
  ],
  ['is RSA under an EC key', () => forger(esKid, 'RS256', rsa.privateKey)(good())],
  ['is EC under an RSA key', () => forger(rsKid, 'ES256', ec.privateKey)(good())],
  ['has an EC signature of zeros', () => changed(es(good()), ([h, p]) => [h, p, Buffer.alloc(64).toString('base64url')])],
  [
    'has an EC signature in DER',
    () => changed(es(good()), ([h, p]) => [h, p, sign('sha256', Buffer.from(`${h}.${p}`), ec.privateKey).toString('base64url')]),
  ],
];

const HEADERS: [string, () => string][] = [
  ['calls an empty list critical', () => admin(good(), { crit: [] })],
  ['calls exp critical', () => admin(good(), { crit: ['exp'], exp: 1 })],
  ['has an unencoded payload', () => admin(good(), { crit: ['b64'], b64: false })],
  ['says b64 alone', () => admin(good(), { b64: true })],
  ['brings its key', () => admin(good(), { jwk: { kty: 'oct', k: 'AA' } })],
  ['says where its keys are', () => admin(good(), { jku: 'http://127.0.0.1:1/jwks' })],
  ['says where its certificate is', () => admin(good(), { x5u: 'http://127.0.0.1:1/cert' })],
  ['brings its certificate', () => admin(good(), { x5c: ['AA'] })],
  ['is compressed', () => admin(good(), { zip: 'DEF' })],
  ['says what it contains', () => admin(good(), { cty: 'JWT' })],
  ...['JWE', 'at+jwt', 'jwt', '', 1, null].map((typ): [string, () => string] => [
    `is of type ${text(typ)}`,
    () => admin(good(), { typ }),
  ]),
  ...[
    undefined,
    1,
    null,
    [],
    '',
    '../../etc/passwd',
    "' or 1=1 --",
    '\0',
    'x'.repeat(65),
    '__proto__',
    'hk_',
    `hk_${'A'.repeat(38)}`,
  ].map((kid): [string, () => string] => [`has the key id ${text(kid) ?? 'left out'}`, () => admin(good(), { kid })]),
  ['has a key id with a space', () => admin(good(), { kid: ` ${adminKid}` })],
  ['names another key of the tenant', () => admin(good(), { kid: integratorKid })],
  ["names another tenant's key", () => foreign(good())],
  ['is of a revoked key', () => revoked(good())],
];

const CLAIMS: [string, () => string][] = [
  ['never expires', () => admin(good({ exp: undefined }))],
  ...['9999999999', 1e20, null, [], true].map((exp): [string, () => string] => [
    `expires at ${text(exp)}`,
    () => admin(good({ exp })),
  ]),
  ['expires at a fraction', () => admin(good({ exp: now() + 60.5 }))],
  ['has expired', () => admin(good({ iat: now() - 600, exp: now() - 6 }))],
  ['expires as it is issued', () => admin(good({ iat: now(), exp: now() }))],
  ['expires before it is issued', () => admin(good({ iat: now() + 4, exp: now() + 2 }))],
  ['lives longer than its key allows', () => admin(good({ iat: now(), exp: now() + 86_401 }))],
  ["is a person's and lives longer than an hour", () => integrator(goodUser({ iat: now(), exp: now() + 3601 }))],
  ['was issued at no time', () => admin(good({ iat: undefined }))],
  ['was issued in the future', () => admin(good({ iat: now() + 60 }))],
  ['was issued at a text', () => admin(good({ iat: String(now()) }))],
  ['is not valid yet', () => admin(good({ nbf: now() + 60 }))],
  ['is valid from a text on', () => admin(good({ nbf: '0' }))],
  ...[undefined, null, '', 'other', 'Habeas', ['habeas'], ['habeas', 'other'], ['other', 'habeas'], {}].map(
    (aud): [string, () => string] => [`is for ${text(aud) ?? 'nobody'}`, () => admin(good({ aud }))],
  ),
  ...[undefined, '', 1, '\0', 'x'.repeat(129), 'with space', 'denied-token'].map((jti): [string, () => string] => [
    `has the id ${text(jti) ?? 'left out'}`,
    () => admin(good({ jti })),
  ]),
  ...[undefined, null, '', 'TENANT', 'root', ['tenant'], 'provider'].map((scope): [string, () => string] => [
    `has the scope ${text(scope) ?? 'left out'}`,
    () => admin(good({ scope })),
  ]),
  ['of a provider names a tenant', () => provider(claims({ scope: 'provider', tenant }))],
  ['of a provider names no tenant to enter', () => provider(claims({ scope: 'tenant' }))],
  ['of a tenant key claims to be the provider of that tenant', () => admin(claims({ scope: 'provider', tenant }))],
  ['names no tenant', () => admin(good({ tenant: undefined }))],
  ['names another tenant', () => admin(good({ tenant: other }))],
  ['names the tenant of the provider', () => admin(good({ tenant: PROVIDER_TENANT }))],
  ['spells the tenant in capitals', () => admin(good({ tenant: tenant.toUpperCase() }))],
  ['names tenants', () => admin(good({ tenant: [tenant] }))],
  ['of an app key claims the tenant', () => integrator(good())],
  ['of an app key names another app', () => integrator(claims({ scope: 'app', tenant, app: app2 }))],
  ['of an app key names no app', () => integrator(claims({ scope: 'app', tenant }))],
  ['of an app key is for a person of another app', () => integrator(goodUser({ app: app2 }))],
  ["of a data subjects' key claims the app", () => people(claims({ scope: 'app', tenant, app }))],
  ['of a tenant names an app', () => admin(good({ app }))],
  ['of a tenant names a person', () => admin(good({ user }))],
  ['of an app names a person', () => admin(claims({ scope: 'app', tenant, app, user }))],
  ['of a person names nobody', () => admin(goodUser({ user: undefined }))],
  ['of a person names no app', () => admin(goodUser({ app: undefined }))],
  ...['', '*', "' or 1=1 --", '%', ',', [randomUUID()]].map((id): [string, () => string] => [
    `of a person names ${text(id)}`,
    () => admin(goodUser({ user: id })),
  ]),
  ['of an app names a text', () => admin(claims({ scope: 'app', tenant, app: 'app' }))],
  ...['data:read', { 0: 'data:read' }, [1], [null], Array.from({ length: 65 }, () => 'data:read')].map(
    (permissions, index): [string, () => string] => [
      `has permissions that are no list of names (${index})`,
      () => admin(good({ permissions })),
    ],
  ),
  ['is by nobody', () => admin(good({ sub: '' }))],
  ['is by a name too long', () => admin(good({ sub: 'x'.repeat(257) }))],
  ['is by a number', () => admin(good({ sub: 1 }))],
  ['was issued by a number', () => admin(good({ iss: 1 }))],
];

const SIGNATURES: [string, () => string][] = [
  ['is signed with another secret', () => forger(adminKid, 'HS256', 'secret')(good())],
  [
    'is signed with the secret decoded',
    () => forger(adminKid, 'HS256', Buffer.from(adminSecret, 'base64url').toString('latin1'))(good()),
  ],
  ['is signed with the secret and a newline', () => forger(adminKid, 'HS256', `${adminSecret}\n`)(good())],
  [
    'is signed with SHA-512',
    () => changed(admin(good()), ([h, p]) => [h, p, createHmac('sha512', adminSecret).update(`${h}.${p}`).digest('base64url')]),
  ],
  ['has a signature cut short', () => changed(admin(good()), ([h, p, s]) => [h, p, s.slice(0, 20)])],
  ['has a signature drawn out', () => changed(admin(good()), ([h, p, s]) => [h, p, `${s}AAAA`])],
  ['has the signature of another token', () => changed(admin(good()), ([h, p]) => [h, p, admin(good()).split('.')[2]!])],
  ['has a changed payload', () => changed(admin(good()), ([h, , s]) => [h, b64(text(good({ tenant: other }))), s])],
  ['has a changed header', () => changed(admin(good()), ([, p, s]) => [b64(text({ alg: 'HS256', kid: adminKid })), p, s])],
  ['is signed without its header', () => changed(admin(good()), ([h, p]) => [h, p, signatureOf(p, 'HS256', adminSecret)])],
];

describe('one answer, byte for byte, to a token that', () => {
  test('none is', () => {
    expect(refusal).toMatchObject({
      status: 401,
      body: '{"errors":[{"message":"The token is missing or not valid.","extensions":{"code":"UNAUTHENTICATED"}}]}',
    });
  });
  test('is given by another scheme, twice or in small letters', async () => {
    for (const authorization of [
      `Basic ${admin(good())}`,
      admin(good()),
      `Bearer  ${admin(good())}`,
      `Bearer Bearer ${admin(good())}`,
    ]) {
      expect(await present(world.server, { authorization })).toEqual(refusal);
    }
  });
  test.each([...SHAPES, ...ALGORITHMS, ...HEADERS, ...CLAIMS, ...SIGNATURES])('%s', async (_, token) => {
    expect(await see(token())).toEqual(refusal);
  });
});
