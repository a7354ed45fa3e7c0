import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseDuration } from '../../src/cli/duration.ts';
import { openWorld, type World } from '../support/world.ts';
import { commandLine, type CommandLine } from './command-line.ts';

let world: World;
let habeas: CommandLine;
let folder: string;
let tenant: string, app: string, user: string;

beforeAll(async () => {
  world = await openWorld({ work: false });
  folder = await mkdtemp(join(tmpdir(), 'habeas-cli-'));
  habeas = commandLine({
    HABEAS_DATABASE_URL: world.database.runtimeUrl,
    HABEAS_MIGRATION_URL: world.database.ownerUrl,
    HABEAS_HOME: world.home,
    HABEAS_LOG_LEVEL: 'error',
  });
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

const acts = async (of: string) =>
  (await world.sql('select act, actor_key as actor from audit_entries where tenant_id = $1 order by id', [of])).map(
    (row) => `${String(row['act'])} by ${String(row['actor'])}`,
  );

describe('from nothing to a token, beside a running server', () => {
  test('a tenant and an app are created and listed', async () => {
    tenant = (await habeas.json<{ id: string }>('tenant', 'create', 'Acme')).id;
    expect(await habeas.json('tenant', 'list')).toMatchObject([{ id: tenant, name: 'Acme', erasedAt: null }]);
    expect(await habeas('tenant', 'list')).toMatchObject({ code: 0, out: expect.stringContaining(`${tenant}  `) });
    app = (await habeas.json<{ id: string }>('app', 'create', 'Chat', '--tenant', tenant)).id;
    expect(await habeas.json('app', 'list', '--tenant', tenant)).toMatchObject([{ id: app, name: 'Chat' }]);
    await world.ingest(tenant, app, [{ type: 'user', externalId: 'u1', profile: { displayName: 'Ada' } }]);
    user = await world.userId(tenant, app, 'u1');
  });

  test('a key signs tokens that the server takes, and their scope follows from what is named', async () => {
    const key = await habeas.json<{ kid: string; secret: string; level: string }>(
      'key',
      'create',
      '--tenant',
      tenant,
      '--app',
      app,
      '--role',
      'integrator',
      '--name',
      'back end',
    );
    expect(key).toMatchObject({ level: 'app', name: 'back end', secret: expect.stringMatching(/^[\w-]{64}$/) });
    const { out: token } = await habeas('token', 'issue', '--key', key.kid, '--user', user, '--ttl', '10m', '--subject', 'ada');
    expect((await world.as(token.trim())('{ me { id } }')).data).toEqual({ me: { id: user } });
    const { out: wider } = await habeas('token', 'issue', '--key', key.kid, '--permission', 'apps:read');
    expect((await world.as(wider.trim())('{ apps { id } }')).data).toEqual({ apps: [{ id: app }] });
    expect((await world.as(wider.trim())('{ users { edges { node { id } } } }')).codes).toEqual(['FORBIDDEN']);
  });

  test('keys are listed without secrets, rotated and revoked', async () => {
    const { kid } = await habeas.json<{ kid: string }>(
      'key',
      'create',
      '--tenant',
      tenant,
      '--scope',
      'tenant',
      '--permission',
      'audit:read',
      '--permission',
      'schema:read',
      '--max-ttl',
      '7d',
    );
    const next = await habeas.json<{ kid: string; permissions: string[]; maxTokenSeconds: number }>('key', 'rotate', kid);
    expect(next).toMatchObject({ permissions: ['audit:read', 'schema:read'], maxTokenSeconds: 604_800 });
    expect(await habeas('key', 'revoke', kid)).toMatchObject({ code: 0, out: expect.stringContaining('within five seconds') });
    const listed = await habeas('key', 'list', '--tenant', tenant, '--json');
    expect(listed.out).not.toMatch(/secret/);
    const keys = JSON.parse(listed.out) as { kid: string; revokedAt: string | null; replacedBy: string | null }[];
    expect(keys.find((key) => key.kid === kid)).toMatchObject({ revokedAt: expect.any(String), replacedBy: next.kid });
    expect(await habeas('token', 'issue', '--key', kid)).toMatchObject({
      code: 1,
      err: 'NOT_FOUND: No such key in the scope of this token.\n',
    });
  });

  test('a provider key enters a tenant by name, and a token is denied by its id', async () => {
    const { kid } = await habeas.json<{ kid: string }>('key', 'create', '--role', 'provider');
    const issued = await habeas.json<{ token: string; jti: string }>('token', 'issue', '--key', kid, '--tenant', tenant);
    expect((await world.as(issued.token)('{ apps { id } }')).data).toEqual({ apps: [{ id: app }] });
    expect(await habeas('token', 'deny', issued.jti)).toMatchObject({ code: 0 });
    expect(await world.sql('select 1 from denied_tokens where jti = $1', [issued.jti])).toHaveLength(1);
  });

  test('all of it is in the audit log, as done by a command', async () => {
    expect(await acts(tenant)).toEqual(
      expect.arrayContaining(
        [
          'tenant.created',
          'app.created',
          'app.listed',
          'key.created',
          'key.rotated',
          'key.revoked',
          'key.listed',
          'token.issued',
        ].map((act) => `${act} by cli`),
      ),
    );
  });
});

describe('a person', () => {
  const personOf = async (externalId: string): Promise<string> => {
    await world.ingest(tenant, app, [
      { type: 'user', externalId, profile: { displayName: 'Cleo Nile' } },
      {
        type: 'conversation',
        externalId: `c-${externalId}`,
        kind: 'PRIVATE_GROUP',
        name: 'room',
        participants: [{ user: externalId }, { user: 'u1' }],
      },
      {
        type: 'message',
        externalId: `m-${externalId}`,
        conversation: `c-${externalId}`,
        author: externalId,
        sentAt: '2026-01-01T00:00:00Z',
        body: 'hello',
      },
    ]);
    return world.userId(tenant, app, externalId);
  };

  test('is exported into a file for the owner alone, which is never written over another', async () => {
    const person = await personOf('u2');
    const out = join(folder, 'package.zip');
    const told = await habeas.json<{ file: string; size: number; sha256: string; password: string | null }>(
      'export',
      'user',
      person,
      '--format',
      'csv',
      '--out',
      out,
    );
    const content = await readFile(out);
    expect([content.length, content.subarray(0, 2).toString(), (await stat(out)).mode & 0o777]).toEqual([told.size, 'PK', 0o600]);
    expect(told.password).toBeNull();
    expect(await habeas('export', 'user', person, '--out', out)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`CONFLICT: ${out} is there already`),
    });
    const sealed = await habeas.json<{ password: string }>(
      'export',
      'user',
      person,
      '--right',
      'portability',
      '--encrypted',
      '--out',
      join(folder, 'sealed.zip'),
    );
    expect(sealed.password.length).toBeGreaterThan(20);
  });

  test('is erased, scanned for, and gone for every command after it', async () => {
    const person = await personOf('u3');
    const told = await habeas.json<{ status: string; residual: { total: number } }>(
      'erase',
      'user',
      person,
      '--ground',
      'consent_withdrawn',
      '--deep',
    );
    expect(told).toMatchObject({ status: 'COMPLETED', residual: { total: 0 } });
    expect(await habeas('export', 'user', person)).toMatchObject({ code: 1, err: expect.stringMatching(/^NOT_FOUND: /) });
    expect(await habeas('erase', 'user', person)).toMatchObject({ code: 1, err: expect.stringMatching(/^NOT_FOUND: /) });
    expect(await habeas.json('erasures', 'replay')).toMatchObject([{ tenant, lines: 1, resumed: [], replayed: [] }]);
  });
});

describe('the audit log', () => {
  test('is exported, and verified offline against an older checkpoint; a changed entry is named', async () => {
    const [checkpoint, log, changed] = ['checkpoint.json', 'log.ndjson', 'changed.ndjson'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    expect(await habeas('audit', 'checkpoint', '--tenant', tenant, '--out', checkpoint)).toMatchObject({ code: 0 });
    expect(await habeas('audit', 'export', '--tenant', tenant, '--out', log)).toMatchObject({ code: 0 });
    // Without a database to connect to.
    const offline = commandLine({ HABEAS_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    expect(await offline('audit', 'verify', log, '--checkpoint', checkpoint)).toMatchObject({
      code: 0,
      out: 'The log is whole and unchanged.\n',
    });
    const text = await readFile(log, 'utf8');
    await writeFile(changed, text.replace('app.created', 'app.creeped'));
    const verdict = await offline('audit', 'verify', changed, '--checkpoint', checkpoint);
    const entry = /"id":"([0-9a-f-]{36})"[^\n]*app\.created/.exec(text)![1]!;
    expect(verdict).toMatchObject({ code: 1, out: expect.stringContaining(entry), err: '' });
    expect(await offline('audit', 'verify', join(folder, 'none'), '--checkpoint', checkpoint)).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no such file'),
    });
  });

  test('of the provider is exported without naming a tenant, and of no tenant it is not', async () => {
    expect(await habeas('audit', 'export', '--out', join(folder, 'provider.ndjson'))).toMatchObject({ code: 0 });
    expect(
      await habeas('audit', 'export', '--tenant', '018f0000-0000-7000-8000-000000000000', '--out', join(folder, 'x')),
    ).toMatchObject({ code: 1, err: expect.stringMatching(/^NOT_FOUND: /) });
    expect(await habeas('audit', 'export', '--out', join(folder, 'no', 'such', 'folder'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^INVALID_INPUT: .* cannot be written \(ENOENT\)/),
    });
  });
});

describe('what is wrong is said in one line, with a code and no stack', () => {
  test.each<[string, string[], string]>([
    ['a tenant that is no id', ['app', 'list', '--tenant', 'acme'], 'INVALID_INPUT: --tenant: acme is not a UUID.'],
    [
      'a tenant that is not there',
      ['app', 'list', '--tenant', '018f0000-0000-7000-8000-000000000000'],
      'NOT_FOUND: There is no tenant 018f0000-0000-7000-8000-000000000000; run: habeas tenant list',
    ],
    ['an empty name', ['tenant', 'create', ' '], 'INVALID_INPUT: name: between 1 and 200 characters.'],
    [
      'a key of no role',
      ['key', 'create'],
      'INVALID_INPUT: Give --role (DATA_SUBJECT, INTEGRATOR, PRIVACY_OFFICER, LEGAL_APPROVER, AUDITOR, TENANT_ADMIN, PROVIDER), or --scope with --permission.',
    ],
    [
      'a key of an unknown role',
      ['key', 'create', '--role', 'king'],
      'INVALID_INPUT: --role: KING is none of DATA_SUBJECT, INTEGRATOR, PRIVACY_OFFICER, LEGAL_APPROVER, AUDITOR, TENANT_ADMIN, PROVIDER.',
    ],
    [
      "a tenant's key without a tenant",
      ['key', 'create', '--role', 'auditor'],
      'INVALID_INPUT: --tenant: a key of scope tenant belongs to a tenant; run: habeas tenant list',
    ],
    ['a key id that is none', ['key', 'revoke', 'x'], 'INVALID_INPUT: x is not the id of a key.'],
    [
      'a span of time that is none',
      ['token', 'issue', '--key', `hk_${'A'.repeat(38)}`, '--ttl', 'soon'],
      'INVALID_INPUT: soon is not a time span; write 30s, 10m, 1h or 7d.',
    ],
    [
      'a public key file that is not there',
      ['key', 'create', '--role', 'provider', '--algorithm', 'RS256', '--public-key', '/no/such/file'],
      'INVALID_INPUT: /no/such/file cannot be read.',
    ],
    [
      'a format that there is not',
      ['export', 'user', '018f0000-0000-7000-8000-000000000000', '--format', 'pdf'],
      'INVALID_INPUT: --format: PDF is none of JSON, NDJSON, CSV.',
    ],
    [
      'a person who is not there',
      ['erase', 'user', '018f0000-0000-7000-8000-000000000000'],
      'NOT_FOUND: There is no user 018f0000-0000-7000-8000-000000000000.',
    ],
  ])('%s', async (_, argv, message) => {
    const { code, out, err } = await habeas(...argv);
    expect([code, out]).toEqual([1, '']);
    expect([err.slice(0, message.length), err.indexOf('\n')]).toEqual([message, err.length - 1]);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['a setting that is wrong', { HABEAS_PORT: 'http' }, /^INVALID_INPUT: HABEAS_PORT: /],
    [
      'a database that does not answer',
      { HABEAS_DATABASE_URL: 'postgres://a:b@127.0.0.1:1/none' },
      /^UNAVAILABLE: The database does not answer\. /,
    ],
  ])('%s', async (_, environment, message) => {
    const { code, err } = await commandLine({ HABEAS_HOME: world.home, ...environment })('tenant', 'list');
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err.trimEnd()).not.toContain('\n');
  });

  test('a wrong password is not repeated', async () => {
    const url = new URL(world.database.runtimeUrl);
    url.password = 'wrong-password';
    const { code, err } = await commandLine({ HABEAS_HOME: world.home, HABEAS_DATABASE_URL: url.href })('tenant', 'list');
    expect([code, err]).toEqual([
      1,
      'UNAVAILABLE: The database refuses this role and password. Check HABEAS_DATABASE_URL and HABEAS_MIGRATION_URL.\n',
    ]);
  });

  test('an unknown command, and help', async () => {
    expect(await habeas('frobnicate')).toMatchObject({ code: 1, err: expect.stringContaining("unknown command 'frobnicate'") });
    const { code, out } = await habeas('--help');
    expect(code).toBe(0);
    for (const name of [
      'serve',
      'worker',
      'migrate',
      'doctor',
      'schema',
      'tenant',
      'app',
      'key',
      'keys',
      'token',
      'export',
      'erase',
      'erasures',
      'audit',
    ])
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
  });
});

test.each([
  ['30s', 30],
  ['10m', 600],
  ['1h', 3600],
  ['7d', 604_800],
])('%s is %i seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});
test.each(['', '0s', '1', 'h', '1w', '-1h', '1.5h', '1h30m', ' 1h'])('%j is no span of time', (text) => {
  expect(() => parseDuration(text)).toThrow('is not a time span; write 30s, 10m, 1h or 7d.');
});

test('the schema is written, and compared', async () => {
  const out = join(folder, 'schema.graphql');
  expect(await habeas('schema', '--out', out)).toMatchObject({ code: 0 });
  expect(await habeas('schema', '--out', out, '--check')).toMatchObject({ code: 0 });
  await writeFile(out, (await readFile(out, 'utf8')).replace('type Query', 'type Quarry'));
  expect(await habeas('schema', '--out', out, '--check')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/from line \d+ on; run: npm run schema/),
  });
});
