import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { World } from '../support/world.ts';
import { commandLine, type CommandLine } from './command-line.ts';
import { openCommandLine } from './commands.support.ts';

const NOBODY = '018f0000-0000-7000-8000-000000000000';

let world: World;
let habeas: CommandLine;
beforeAll(async () => {
  ({ world, habeas } = await openCommandLine());
});
afterAll(() => world.close());

describe('what is wrong is said in one line, with a code and no stack', () => {
  test.each<[string, string[], string]>([
    ['a tenant that is no id', ['app', 'list', '--tenant', 'acme'], 'INVALID_INPUT: --tenant: acme is not a UUID.'],
    [
      'a tenant that is not there',
      ['app', 'list', '--tenant', '018f0000-0000-7000-8000-000000000000'],
      'NOT_FOUND: There is no tenant 018f0000-0000-7000-8000-000000000000; run: npm run -s habeas -- tenant list',
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
      'INVALID_INPUT: --tenant: a key of scope tenant belongs to a tenant; run: npm run -s habeas -- tenant list',
    ],
    [
      "an app's key without an app",
      ['key', 'create', '--role', 'integrator', '--tenant', NOBODY],
      `INVALID_INPUT: --app: a key of scope app belongs to one app; run: npm run -s habeas -- app list --tenant ${NOBODY}`,
    ],
    [
      'an import into an app that is not there',
      ['import', 'ndjson', '/no/such/file', '--tenant', NOBODY, '--app', NOBODY],
      `NOT_FOUND: There is no app ${NOBODY} in tenant ${NOBODY}; run: npm run -s habeas -- app list --tenant ${NOBODY}`,
    ],
    [
      'a file to export into that is there already',
      ['export', 'user', NOBODY, '--out', 'package.json'],
      'CONFLICT: package.json is there already; name another file with --out.',
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

  test('a name that would steer the terminal does not, and is exact to machines', async () => {
    const name = 'Blue\u001B]0;x\u0007\u202Eevil';
    await habeas('tenant', 'create', name);
    const { out } = await habeas('tenant', 'list');
    expect(out).toContain('Blue\uFFFD]0;x\uFFFD\uFFFDevil');
    expect(await habeas.json<{ name: string }[]>('tenant', 'list')).toContainEqual(expect.objectContaining({ name }));
    const { err } = await habeas('import', 'ndjson', '/no/\u001B[31m', '--tenant', NOBODY, '--app', '\u001B[31m');
    expect(err).toBe('INVALID_INPUT: --app: \uFFFD[31m is not a UUID.\n');
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
