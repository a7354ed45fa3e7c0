import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runtimeSource } from '../../ormconfig.ts';
import { databaseFindings, keyFileFindings, storeFindings, type Finding } from '../../src/database/doctor.ts';
import { openKeyFile } from '../../src/keys/key-file.ts';
import { checkIsolation } from '../../src/database/isolation.ts';
import { openSystem } from '../../src/main.ts';
import { openWorld, type World } from '../support/world.ts';
import { commandLine } from '../cli/command-line.ts';

const ROLE = `weak_${process.pid}`;
let world: World;
let folder: string;
let url: string;

beforeAll(async () => {
  world = await openWorld({ work: false });
  folder = await mkdtemp(join(tmpdir(), 'habeas-doctor-'));
  // A runtime role of this test's own: roles belong to the whole cluster, and others use habeas_app meanwhile.
  await world.sql(`create role ${ROLE} login password 'weak' in role habeas_app`);
  const at = new URL(world.database.runtimeUrl);
  [at.username, at.password] = [ROLE, 'weak'];
  url = at.href;
  await world.sql(`grant connect on database ${world.database.name} to ${ROLE}`);
});
afterAll(async () => {
  await world.sql(`alter table if exists given owner to habeas_owner`);
  await world.sql(`drop owned by ${ROLE}; drop role ${ROLE}`);
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

async function examine(now: () => number = Date.now, migrates = false): Promise<Finding[]> {
  const source = await runtimeSource(url, 2).initialize();
  try {
    return await databaseFindings(source, now, migrates);
  } finally {
    await source.destroy();
  }
}

describe('a database', () => {
  test('as it should be has no findings', async () => {
    expect(await examine()).toEqual([]);
  });

  test.each<[string, string, string, RegExp]>([
    [
      'a superuser',
      `alter role ${ROLE} superuser`,
      `alter role ${ROLE} nosuperuser`,
      /is a superuser, .*; run: alter role weak_\d+ nosuperuser/,
    ],
    [
      'with BYPASSRLS',
      `alter role ${ROLE} bypassrls`,
      `alter role ${ROLE} nobypassrls`,
      /has BYPASSRLS; run: alter role weak_\d+ nobypassrls/,
    ],
    [
      'with CREATEROLE',
      `alter role ${ROLE} createrole`,
      `alter role ${ROLE} nocreaterole`,
      /has CREATEROLE, .*; run: alter role weak_\d+ nocreaterole/,
    ],
    [
      'that can become a superuser',
      `grant postgres to ${ROLE}`,
      `revoke postgres from ${ROLE}`,
      /can become postgres, .*; run: revoke/,
    ],
    [
      'that is a member of the owner',
      `grant habeas_owner to ${ROLE}`,
      `revoke habeas_owner from ${ROLE}`,
      /owns tables \(.*\): HABEAS_DATABASE_URL must be of a role that owns nothing/,
    ],
    [
      'that owns a table',
      `create table given (tenant_id uuid primary key); alter table given enable row level security, force row level security; alter table given owner to ${ROLE}`,
      'drop table given',
      /owns tables \(public\.given\)/,
    ],
    [
      'that owns the database, and with it the schema public',
      `alter database DATABASE owner to ${ROLE}`,
      'alter database DATABASE owner to habeas_owner',
      /owns the database .*; run: alter database .* owner to/,
    ],
    [
      'that owns the function which sets the scope',
      `alter function enter_scope(uuid, text, text) owner to ${ROLE}`,
      'alter function enter_scope(uuid, text, text) owner to habeas_owner',
      /owns the function enter_scope\(uuid,text,text\), by which/,
    ],
    [
      'that may read a view',
      `create view seen as select body from messages; grant select on seen to ${ROLE}`,
      'drop view seen',
      /may read public\.seen/,
    ],
    [
      'over a table whose policies are off',
      'alter table messages no force row level security',
      'alter table messages force row level security',
      /Row-level security is not forced on public\.messages\. Run/,
    ],
  ])('with a runtime role %s is refused, by doctor and by a server that starts', async (_, breaking, mending, text) => {
    const run = (text: string) => world.sql(text.replace('DATABASE', world.database.name));
    await run(breaking);
    try {
      const findings = (await examine()).filter((finding) => text.test(finding.text));
      expect(findings).toMatchObject([{ severity: 'error', area: 'isolation' }]);
      await expect(openSystem(world.config, url)).rejects.toThrow(/^Refusing to start, isolation would not hold:\n- /);
    } finally {
      await run(mending);
    }
    expect(await examine()).toEqual([]);
  });

  test('reached as the superuser that the cluster was made with is told to name another role, and nothing that would lock its owner out', async () => {
    const source = await runtimeSource(world.database.adminUrl, 2).initialize();
    const findings = await databaseFindings(source, Date.now, false).finally(() => source.destroy());
    expect(findings.map((finding) => finding.text)).toEqual([
      expect.stringMatching(
        /^The runtime role postgres is the superuser .* name a role of the server's own in HABEAS_DATABASE_URL/,
      ),
    ]);
  });

  test('with migrations pending names the command, and is no obstacle to who migrates by itself', async () => {
    await world.sql(`update migrations set name = 'kept' where name = 'Audit1700000000900'`);
    try {
      expect(await examine()).toEqual([
        {
          severity: 'error',
          area: 'migrations',
          text: expect.stringMatching(/^1 migrations are pending, Audit1700000000900 first; run: habeas migrate$/),
        },
      ]);
      expect(await examine(Date.now, true)).toMatchObject([{ severity: 'warning', area: 'migrations' }]);
      await expect(openSystem(world.config, url)).rejects.toThrow('run: habeas migrate');
    } finally {
      await world.sql(`update migrations set name = 'Audit1700000000900' where name = 'kept'`);
    }
  });

  test.each([
    [6_000, 'behind'],
    [-6_000, 'ahead of'],
  ])('whose clock is %i ms away is warned of', async (offset, which) => {
    expect(await examine(() => Date.now() + offset)).toEqual([
      { severity: 'warning', area: 'clock', text: expect.stringContaining(`6 s ${which} this machine's`) },
    ]);
    expect(await examine(() => Date.now() + offset / 2)).toEqual([]);
  });

  test('without the schema of jobs is found out', async () => {
    await world.sql('alter schema jobs rename to hidden');
    try {
      expect(await examine()).toMatchObject([
        { severity: 'error', area: 'jobs', text: expect.stringContaining('habeas migrate') },
      ]);
    } finally {
      await world.sql('alter schema hidden rename to jobs');
    }
  });
});

describe('the machine', () => {
  test('has a key file for its owner alone, or is told the mend', async () => {
    const path = join(folder, 'master-keys.json');
    expect(await keyFileFindings(folder, false)).toEqual([]);
    expect(await keyFileFindings(folder, true)).toMatchObject([
      { severity: 'error', area: 'keys', text: expect.stringMatching(/is missing; restore it from its backup/) },
    ]);
    await writeFile(path, '{}');
    await chmod(path, 0o644);
    expect(await keyFileFindings(folder, true)).toMatchObject([{ text: expect.stringContaining(`run: chmod 600 ${path}`) }]);
    await chmod(path, 0o600);
    expect(await keyFileFindings(folder, true)).toMatchObject([{ text: expect.stringContaining(`${path} is damaged`) }]);
    await rm(path);
    await openKeyFile(folder, true);
    expect(await keyFileFindings(folder, true)).toEqual([]);
  });

  test('has a store that can be written', async () => {
    expect((await storeFindings(join(folder, 'files'))).filter((finding) => finding.area !== 'disk')).toEqual([]);
    await writeFile(join(folder, 'file'), '');
    expect(await storeFindings(join(folder, 'file', 'store'))).toMatchObject([
      { severity: 'error', area: 'store', text: expect.stringMatching(/cannot be written \(ENOTDIR\); .*HABEAS_FILES/) },
    ]);
  });
});

describe('habeas doctor', () => {
  const environment = () => ({ HABEAS_DATABASE_URL: url, HABEAS_HOME: world.home });
  test('says that all is well, with exit code 0', async () => {
    expect(await commandLine(environment())('doctor')).toEqual({ code: 0, out: 'All is well.\n', err: '' });
  });
  test('warns of a setting that nobody reads, with exit code 0', async () => {
    const { code, out } = await commandLine({ ...environment(), HABEAS_LIMIT_SECOND: '3' })('doctor');
    expect([code, out]).toEqual([
      0,
      'warning  settings: HABEAS_LIMIT_SECOND is not a setting of Habeas, and is ignored\nHabeas can run; mind the warnings.\n',
    ]);
  });
  test('says which role the tables were granted to, to one that may use none of them', async () => {
    await world.sql(`revoke habeas_app from ${ROLE}`);
    await world.sql(`grant connect on database ${world.database.name} to ${ROLE}`);
    try {
      const { code, out, err } = await commandLine(environment())('doctor');
      expect([code, err]).toEqual([1, '']);
      expect(out).toMatch(
        /^ERROR {4}database: The role weak_\d+ may not use the tables; name habeas_app in HABEAS_DATABASE_URL, or run .*: grant habeas_app to weak_\d+$/m,
      );
    } finally {
      await world.sql(`grant habeas_app to ${ROLE}`);
    }
  });
  test('is not needed to learn that the URL names no role', async () => {
    const nobody = new URL(url);
    [nobody.username, nobody.password] = ['', ''];
    const { code, err } = await commandLine({
      HABEAS_DATABASE_URL: nobody.href,
      HABEAS_MIGRATION_URL: world.database.ownerUrl,
      HABEAS_HOME: world.home,
    })('migrate');
    expect([code, err]).toEqual([1, expect.stringContaining('HABEAS_DATABASE_URL names no role')]);
  });
  test('finds a missing key file out also where a migration is pending', async () => {
    await world.sql(`update migrations set name = 'kept' where name = 'Audit1700000000900'`);
    try {
      const { code, out } = await commandLine({ ...environment(), HABEAS_KEYS: join(folder, 'nowhere') })('doctor');
      expect(code).toBe(1);
      expect(out).toMatch(/^ERROR {4}keys: .*nowhere.master-keys.json is missing; restore it/m);
    } finally {
      await world.sql(`update migrations set name = 'Audit1700000000900' where name = 'kept'`);
    }
  });
  test('says what is wrong and how to mend it, with exit code 1', async () => {
    await world.sql(`alter role ${ROLE} bypassrls`);
    try {
      const { code, out, err } = await commandLine(environment())('doctor');
      expect([code, err]).toEqual([1, '']);
      expect(out).toMatch(
        /^ERROR {4}isolation: The runtime role weak_\d+ has BYPASSRLS; run: .*\nHabeas should not run like this\.\n$/,
      );
      expect(await commandLine(environment())('doctor', '--json')).toMatchObject({
        code: 1,
        out: expect.stringContaining('"healthy": false'),
      });
    } finally {
      await world.sql(`alter role ${ROLE} nobypassrls`);
    }
  });
  test('looks at what it can where the database does not answer', async () => {
    const { code, out } = await commandLine({ ...environment(), HABEAS_DATABASE_URL: 'postgres://a:b@127.0.0.1:1/none' })(
      'doctor',
    );
    expect([code, out]).toEqual([1, expect.stringContaining('database: The database does not answer.')]);
  });
});

test('a role as it should be passes the check of a start', async () => {
  const source = await runtimeSource(url, 2).initialize();
  await expect(checkIsolation(source)).resolves.toBeUndefined();
  await source.destroy();
});
