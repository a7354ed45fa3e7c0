import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { makeSchema } from '../../src/api/schema.ts';
import { ALL_PERMISSIONS, PERMISSIONS, ROLES, ROLE_NAMES, type Permission, type RoleName } from '../../src/scope/permissions.ts';
import { openWorld, type Who, type World } from '../support/world.ts';

let world: World;
let schema: GraphQLSchema;
let tenant: string, app: string, user: string;

beforeAll(async () => {
  world = await openWorld({ work: false });
  schema = await makeSchema();
  tenant = await world.tenant();
  app = await world.app(tenant);
  await world.ingest(tenant, app, [{ type: 'user', externalId: 'u1' }]);
  user = await world.userId(tenant, app, 'u1');
});
afterAll(() => world.close());

/** A value that a type takes, so that the field is reached; what it means does not matter where the field is refused. */
function some(type: GraphQLInputType): string {
  if (isNonNullType(type)) return some(type.ofType);
  if (isListType(type)) return `[${some(type.ofType)}]`;
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter((field) => isRequiredInputField(field) || type.isOneOf);
    return `{${(type.isOneOf ? fields.slice(0, 1) : fields).map((field) => `${field.name}: ${some(field.type)}`).join(', ')}}`;
  }
  const known: Record<string, string> = {
    Int: '1',
    Float: '1',
    Boolean: 'true',
    ID: '"018f0000-0000-7000-8000-000000000000"',
    String: '"x"',
    JSON: '{}',
  };
  return known[getNamedType(type).name] ?? '"2026-01-01T00:00:00.000Z"';
}

interface RootField {
  name: string;
  kind: 'query' | 'mutation';
  document: string;
}

function documentOf(kind: RootField['kind'], field: GraphQLField<unknown, unknown>): RootField {
  const given = field.args.filter(isRequiredArgument).map((arg) => `${arg.name}: ${some(arg.type)}`);
  return {
    name: field.name,
    kind,
    document: `${kind} { ${field.name}${given.length ? `(${given.join(', ')})` : ''} ${isLeafType(getNamedType(field.type)) ? '' : '{ __typename }'} }`,
  };
}

const rootFields = (): RootField[] => [
  ...Object.values(schema.getQueryType()!.getFields()).map((field) => documentOf('query', field)),
  ...Object.values(schema.getMutationType()!.getFields()).map((field) => documentOf('mutation', field)),
];

/** What each field asks for, as its denial says. */
async function needs(): Promise<Map<string, Permission[]>> {
  const found = new Map<string, Permission[]>();
  const nobody = await world.token({ tenant, permissions: [] });
  for (const field of rootFields()) {
    const [message] = (await world.as(nobody)(field.document)).messages;
    const [, wanted] = /^\w+: this token does not hold (.+)\.$/.exec(message ?? '') ?? [];
    found.set(field.name, (wanted?.split(' or ') ?? []) as Permission[]);
  }
  return found;
}

test('every root field asks for a permission, refuses who lacks it, and writes the denial down', async () => {
  const nobody = await world.token({ tenant, permissions: [] });
  const answers = [];
  for (const field of rootFields()) answers.push([field.name, (await world.as(nobody)(field.document)).codes]);
  expect(answers.length).toBeGreaterThan(5);
  expect(answers).toEqual(rootFields().map((field) => [field.name, ['FORBIDDEN']]));
  for (const [field, asked] of await needs())
    expect([field, asked.length > 0 && asked.every((permission) => permission in PERMISSIONS)]).toEqual([field, true]);
  const denied = await world.sql(
    `select distinct targets->>'field' as field from audit_entries where tenant_id = $1 and act = 'permission.denied' and outcome = 'DENIED'`,
    [tenant],
  );
  expect(denied.map((row) => row['field'])).toEqual(expect.arrayContaining(rootFields().map((field) => field.name)));
});

test('introspection asks for schema:read', async () => {
  const ask = async (permissions: Permission[]) =>
    (await world.as(await world.token({ tenant, permissions }))('{ __schema { queryType { name } } }')).codes;
  expect([await ask(['data:read']), await ask(['schema:read'])]).toEqual([['FORBIDDEN'], []]);
});

/** What each preset may do, said again: a change of a preset is a change of who sees what. */
const MAY: Record<RoleName, Permission[]> = {
  DATA_SUBJECT: ['self:read', 'self:delete'],
  INTEGRATOR: [
    'data:read',
    'data:write',
    'self:read',
    'self:delete',
    'rights:read',
    'rights:request',
    'export:app',
    'tokens:issue',
    'apps:read',
    'schema:read',
  ],
  PRIVACY_OFFICER: [
    'data:read',
    'rights:read',
    'rights:request',
    'rights:erase',
    'rights:erase-all',
    'apps:read',
    'audit:read',
    'schema:read',
  ],
  LEGAL_APPROVER: ['rights:read', 'apps:read', 'audit:read', 'schema:read'],
  AUDITOR: ['audit:read', 'schema:read'],
  TENANT_ADMIN: ALL_PERMISSIONS.filter((permission) => permission !== 'tenants:manage'),
  PROVIDER: ALL_PERMISSIONS,
};

describe('the role', () => {
  const whoIs = (role: RoleName): Who => {
    const { level } = ROLES[role];
    return {
      role,
      ...(level === 'provider' ? {} : { tenant }),
      ...(level === 'app' || level === 'user' ? { app } : {}),
      ...(level === 'user' ? { user } : {}),
    };
  };

  test.each(ROLE_NAMES.map((role) => [role]))(
    '%s is refused every root field but those its permissions open, and reads those',
    async (role) => {
      const asked = await needs();
      const ask = world.as(await world.token(whoIs(role)));
      const held = new Set<string>(role === 'DATA_SUBJECT' ? ['self:read', 'self:delete'] : MAY[role]);
      for (const field of rootFields()) {
        const open = asked.get(field.name)!.some((permission) => held.has(permission));
        // What is open is tried on queries only: mutations have tests of their own.
        if (open && field.kind === 'mutation') continue;
        const { messages } = await ask(field.document);
        const refused = messages.some((message) => message.startsWith(`${field.name}: this token does not hold `));
        expect([field.name, refused]).toEqual([field.name, !open]);
      }
    },
  );

  test('holds what is said here and no more', () => {
    expect(Object.fromEntries(ROLE_NAMES.map((role) => [role, [...ROLES[role].permissions]]))).toEqual(MAY);
  });

  test('INTEGRATOR issues tokens for people of its app, who may do what people may', async () => {
    const { kid } = await world.key({ role: 'INTEGRATOR', tenant, app });
    const issued = await world.as(whoIs('INTEGRATOR'))(
      'mutation ($kid: ID!, $user: ID!) { issueToken(kid: $kid, level: USER, userId: $user, subject: "session 7") { token expiresAt jti } }',
      { kid, user },
    );
    expect(issued.codes).toEqual([]);
    expect((await world.as(issued.data.issueToken.token as string)('{ me { id } }')).data).toEqual({ me: { id: user } });
    expect((await world.as(issued.data.issueToken.token as string)('mutation { createApp(name: "x") { id } }')).codes).toEqual([
      'FORBIDDEN',
    ]);
    const [entry] = await world.sql(
      `select targets from audit_entries where tenant_id = $1 and act = 'token.issued' and targets->>'jti' = $2`,
      [tenant, issued.data.issueToken.jti],
    );
    expect(entry!['targets']).toMatchObject({ key: kid, level: 'user', userId: user, appId: app });
  });

  test('PROVIDER creates tenants, lists presets, and acts in one tenant at a time', async () => {
    const ask = world.as({});
    const made = await ask('mutation { createTenant(name: " Acme ") { id name erasedAt } }');
    expect(made.data.createTenant).toMatchObject({ name: 'Acme', erasedAt: null });
    const { id } = made.data.createTenant as { id: string };
    const shop = await ask('mutation ($id: ID!) { createApp(name: "Shop", tenantId: $id) { id } }', { id });
    const key = await ask(
      'mutation ($id: ID!, $app: ID!) { createApiKey(name: "crm", role: INTEGRATOR, appId: $app, tenantId: $id) { key { kid level appId permissions } secret } }',
      { id, app: shop.data.createApp.id },
    );
    expect(key.data.createApiKey).toMatchObject({
      secret: expect.stringMatching(/^[\w-]{64}$/),
      key: { level: 'APP', appId: shop.data.createApp.id, permissions: MAY.INTEGRATOR },
    });
    expect((await ask('query ($id: ID!) { apiKeys(tenantId: $id) { kid } }', { id })).data.apiKeys).toEqual([
      { kid: key.data.createApiKey.key.kid },
    ]);
    expect((await ask('{ roles { name } }')).data.roles).toHaveLength(ROLE_NAMES.length);
    const acts = await world.sql('select act from audit_entries where tenant_id = $1 order by id', [id]);
    expect(acts.map((row) => row['act'])).toEqual(['tenant.created', 'app.created', 'key.created', 'key.listed']);
    const issued = await ask(
      'mutation ($kid: ID!, $id: ID!) { issueToken(kid: $kid, level: TENANT, tenantId: $id, permissions: ["keys:manage"]) { token } }',
      { kid: (await world.key({ role: 'PROVIDER' })).kid, id },
    );
    expect((await world.as(issued.data.issueToken.token as string)('{ apiKeys { kid } }')).data.apiKeys).toHaveLength(1);
  });
});

describe('never wider than the token that asks', () => {
  const CREATE =
    'mutation ($level: ScopeLevel, $role: RolePreset, $permissions: [String!], $appId: ID, $max: Int, $key: String, $alg: KeyAlgorithm) { createApiKey(name: "x", level: $level, role: $role, permissions: $permissions, appId: $appId, maxTokenSeconds: $max, publicKey: $key, algorithm: $alg) { key { kid } } }';
  const ISSUE =
    'mutation ($kid: ID!, $level: ScopeLevel!, $appId: ID, $userId: ID, $permissions: [String!], $ttl: Int, $tenantId: ID, $subject: String) { issueToken(kid: $kid, level: $level, appId: $appId, userId: $userId, permissions: $permissions, ttlSeconds: $ttl, tenantId: $tenantId, subject: $subject) { jti } }';

  test.each<[string, string, Permission[], Record<string, unknown>]>([
    ['a tenant key by an app', 'FORBIDDEN', ['keys:manage', 'data:read'], { level: 'TENANT', permissions: ['data:read'] }],
    ['a permission it does not hold', 'FORBIDDEN', ['keys:manage'], { level: 'APP', permissions: ['data:read'] }],
    ['a role that holds more than it', 'FORBIDDEN', ['keys:manage'], { role: 'INTEGRATOR' }],
    ['a permission that there is not', 'INVALID_INPUT', ['keys:manage'], { level: 'APP', permissions: ['everything'] }],
    [
      'a permission that no person may have',
      'INVALID_INPUT',
      ['keys:manage', 'data:read'],
      { level: 'USER', permissions: ['data:read'] },
    ],
    ['neither role nor level', 'INVALID_INPUT', ['keys:manage'], {}],
    ['both role and level', 'INVALID_INPUT', ['keys:manage'], { role: 'AUDITOR', level: 'APP' }],
    ['tokens that live for seconds', 'INVALID_INPUT', ['keys:manage'], { level: 'APP', permissions: ['keys:manage'], max: 59 }],
    [
      'HS256 with a public key',
      'INVALID_INPUT',
      ['keys:manage'],
      { level: 'APP', permissions: ['keys:manage'], key: '-----BEGIN PUBLIC KEY-----' },
    ],
    ['RS256 without one', 'INVALID_INPUT', ['keys:manage'], { level: 'APP', permissions: ['keys:manage'], alg: 'RS256' }],
    [
      'RS256 with something else',
      'INVALID_INPUT',
      ['keys:manage'],
      {
        level: 'APP',
        permissions: ['keys:manage'],
        alg: 'RS256',
        key: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----',
      },
    ],
  ])('an app cannot make a key with %s', async (_, code, held, variables) => {
    const token = await world.token({ role: 'TENANT_ADMIN', tenant });
    const { kid } = await world.key({ role: 'TENANT_ADMIN', tenant });
    const issued = await world.as(token)(
      'mutation ($kid: ID!, $app: ID!, $held: [String!]) { issueToken(kid: $kid, level: APP, appId: $app, permissions: $held) { token } }',
      { kid, app, held },
    );
    expect((await world.as(issued.data.issueToken.token as string)(CREATE, variables)).codes).toEqual([code]);
  });

  test.each<[string, string, Record<string, unknown>]>([
    ['of the provider', 'FORBIDDEN', { level: 'PROVIDER' }],
    ['with what the key does not hold', 'FORBIDDEN', { level: 'TENANT', permissions: ['tenants:manage'] }],
    ['for a person, with what people may not do', 'FORBIDDEN', { level: 'USER', own: true, permissions: ['data:read'] }],
    ['for a person without naming one', 'INVALID_INPUT', { level: 'USER', ownApp: true }],
    ['for an app without naming one', 'INVALID_INPUT', { level: 'APP' }],
    ['for the tenant and an app', 'INVALID_INPUT', { level: 'TENANT', ownApp: true }],
    ['for an app and a person', 'INVALID_INPUT', { level: 'APP', own: true }],
    ['for a person, for two hours', 'INVALID_INPUT', { level: 'USER', own: true, ttl: 7200 }],
    ['for longer than the key allows', 'INVALID_INPUT', { level: 'TENANT', ttl: 86_401 }],
    ['for no time', 'INVALID_INPUT', { level: 'TENANT', ttl: 0 }],
    ['for nobody by name', 'INVALID_INPUT', { level: 'TENANT', subject: '' }],
  ])('a tenant cannot issue a token %s', async (_, code, { own, ownApp, ...variables }) => {
    const { kid } = await world.key({ role: 'TENANT_ADMIN', tenant });
    const target = { ...(own || ownApp ? { appId: app } : {}), ...(own ? { userId: user } : {}) };
    expect((await world.as({ tenant })(ISSUE, { kid, ...target, ...variables })).codes).toEqual([code]);
  });

  test('who holds less than the key cannot have the key give them more', async () => {
    const { kid } = await world.key({ role: 'TENANT_ADMIN', tenant });
    const narrow = await world.token({ tenant, permissions: ['tokens:issue'] });
    expect((await world.as(narrow)(ISSUE, { kid, level: 'TENANT', permissions: ['rights:erase'] })).codes).toEqual(['FORBIDDEN']);
    const same = await world.as(narrow)('mutation ($kid: ID!) { issueToken(kid: $kid, level: TENANT) { token } }', { kid });
    expect((await world.as(same.data.issueToken.token as string)('{ apiKeys { kid } }')).codes).toEqual(['FORBIDDEN']);
  });

  test('a private key is not taken for a public one', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const answer = await world.as({ tenant })(CREATE, { level: 'TENANT', permissions: ['data:read'], alg: 'ES256', key });
    expect(answer).toMatchObject({
      codes: ['INVALID_INPUT'],
      messages: ['publicKey: not a PEM public key (SPKI), nor a JWK Set.'],
    });
  });
});
