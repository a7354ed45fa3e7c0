import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { World } from '../support/world.ts';
import { commandLine, type CommandLine } from './command-line.ts';
import { openCommandLine } from './commands.support.ts';

let world: World;
let habeas: CommandLine;
let folder: string;
let tenant: string, app: string, user: string;

beforeAll(async () => {
  ({ world, habeas } = await openCommandLine());
  folder = await mkdtemp(join(tmpdir(), 'habeas-cli-'));
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

  test("a token of a tenant's key is denied by itself, or by its id with the tenant; without it nobody is told that it was", async () => {
    const { kid } = await habeas.json<{ kid: string }>('key', 'create', '--role', 'auditor', '--tenant', tenant);
    const issue = () => habeas.json<{ token: string; jti: string }>('token', 'issue', '--key', kid);
    const [one, other] = [await issue(), await issue()];
    const denied = async (jti: string): Promise<unknown[]> =>
      (await world.sql('select tenant_id as tenant from denied_tokens where jti = $1', [jti])).map((row) => row['tenant']);
    expect((await habeas('token', 'deny', one.token)).out).toBe(
      `Denied ${one.jti}; running servers refuse it within five seconds.\n`,
    );
    expect(await denied(one.jti)).toEqual([tenant]);
    expect((await habeas('token', 'deny', other.jti)).out).toMatch(/if a key of the provider signed it.*--tenant/s);
    expect(await denied(other.jti)).not.toContain(tenant);
    await habeas('token', 'deny', other.jti, '--tenant', tenant);
    expect(await denied(other.jti)).toContain(tenant);
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
    const out = join(folder, 'provider.ndjson');
    expect(await habeas('audit', 'export', '--out', out)).toMatchObject({ code: 0 });
    const before = await readFile(out, 'utf8');
    expect(await habeas('audit', 'export', '--out', out)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^CONFLICT: .*provider\.ndjson is there already/),
    });
    expect(await readFile(out, 'utf8')).toBe(before);
    expect(
      await habeas('audit', 'export', '--tenant', '018f0000-0000-7000-8000-000000000000', '--out', join(folder, 'x')),
    ).toMatchObject({ code: 1, err: expect.stringMatching(/^NOT_FOUND: /) });
    expect(await habeas('audit', 'export', '--out', join(folder, 'no', 'such', 'folder'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^INVALID_INPUT: .* cannot be written \(ENOENT\)/),
    });
  });
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  expect(await habeas('--version')).toMatchObject({ code: 0, out: `${version}\n`, err: '' });
});

test('the schema is written, and compared', async () => {
  const out = join(folder, 'schema.graphql');
  expect(await habeas('schema', '--out', out)).toMatchObject({ code: 0 });
  expect(await habeas('schema', '--out', out, '--check')).toMatchObject({ code: 0 });
  await writeFile(out, (await readFile(out, 'utf8')).replace('type Query', 'type Quarry'));
  expect(await habeas('schema', '--out', out, '--check')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/from line \d+ on; run: npm run -s habeas -- schema\n/),
  });
});
