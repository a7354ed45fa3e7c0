import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbedded } from '../../src/database/embedded.ts';
import type { EmbeddedDatabase } from '../../src/database/embedded.ts';
import { readSecrets } from '../../src/database/secrets.ts';
import { HOME_PREFIX, removeHome } from '../support/leftovers.ts';

const flags = ['-c', 'fsync=off', '-c', 'shared_buffers=16MB'];
const asRoot = process.getuid?.() === 0 ? test : test.skip;
const homes: string[] = [];
const children: ChildProcess[] = [];

/** The name makes a home of a killed run one that the next run removes. */
function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), `${HOME_PREFIX}${process.pid}-`));
  homes.push(home);
  return home;
}

async function query(url: string, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

const portOf = (url: string): number => Number(new URL(url).port);

const postmaster = (home: string): number =>
  Number(readFileSync(join(home, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);

const isRunning = (home: string): boolean => existsSync(join(home, 'postgres', 'postmaster.pid'));

/** Another process that starts the embedded database, says so, and stops it when its standard input closes. */
function otherProcess(home: string): {
  child: ChildProcess;
  ready: Promise<{ port: number; started: boolean }>;
  ended: Promise<number | null>;
} {
  const module = new URL('../../src/database/embedded.ts', import.meta.url).href;
  const script = `
    const { startEmbedded } = await import(${JSON.stringify(module)});
    const database = await startEmbedded(${JSON.stringify(home)}, { flags: ${JSON.stringify(flags)} });
    console.log(JSON.stringify({ port: Number(new URL(database.adminUrl).port), started: database.started }));
    for await (const _ of process.stdin);
    await database.stop();`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = new Promise<{ port: number; started: boolean }>((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => resolve(JSON.parse(data.toString()) as { port: number; started: boolean }));
    void ended.then((code) => reject(new Error(`ended with ${code}`)));
  });
  return { child, ready, ended };
}

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const home of homes) await removeHome(home);
});

describe('the embedded database, once started', () => {
  let home: string;
  let database: EmbeddedDatabase;

  beforeAll(async () => {
    home = newHome();
    database = await startEmbedded(home, { flags });
    await query(database.ownerUrl, 'create table kept (n int)');
    await query(database.ownerUrl, 'insert into kept values (1)');
  });

  afterAll(() => database.stop());

  const expectDataKept = async () => expect(await query(database.ownerUrl, 'select n from kept')).toEqual([{ n: 1 }]);

  test('keeps its passwords from other users, and listens on 127.0.0.1 only', async () => {
    expect(database.started).toBe(true);
    expect(statSync(join(home, 'secrets.json')).mode & 0o777).toBe(0o600);
    const sql = `select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets`;
    expect(await query(database.adminUrl, sql)).toEqual([{ addresses: '127.0.0.1', sockets: '' }]);
    const secrets = await readSecrets(home);
    const log = readFileSync(join(home, 'postgres.log'), 'utf8');
    for (const password of Object.values(secrets?.passwords ?? {})) expect(log).not.toContain(password);
  });

  test('gives the serving role and the owning role no way around row-level security', async () => {
    const sql = `select rolname as name, rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolreplication as mighty, rolcanlogin as login
      from pg_roles where rolname like 'habeas%' order by 1`;
    expect(await query(database.adminUrl, sql)).toEqual([
      { name: 'habeas_app', mighty: false, login: true },
      { name: 'habeas_owner', mighty: false, login: true },
    ]);
    const owned = `select pg_get_userbyid(datdba) as owner, has_database_privilege('habeas_app', 'habeas', 'temporary') as temporary from pg_database where datname = 'habeas'`;
    expect(await query(database.runtimeUrl, owned)).toEqual([{ owner: 'habeas_owner', temporary: false }]);
    await expect(query(database.runtimeUrl, 'create table mine (n int)')).rejects.toMatchObject({ code: '42501' });
    await expect(query(database.runtimeUrl.replace(/habeas$/, 'postgres'), 'select 1')).rejects.toMatchObject({ code: '42501' });
  });

  test('asks every connection for its password', async () => {
    const wrong = new URL(database.adminUrl);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('leaves nothing of a refused value in its log', async () => {
    await expect(query(database.ownerUrl, `select 'jane@example.com'::uuid`)).rejects.toMatchObject({ code: '22P02' });
    expect(readFileSync(join(home, 'postgres.log'), 'utf8')).not.toContain('jane@example.com');
  });

  test('is joined by a second start, and goes on until the last one out', async () => {
    const second = await startEmbedded(home, { flags });
    expect([second.started, second.adminUrl]).toEqual([false, database.adminUrl]);
    await database.stop();
    expect(isRunning(home)).toBe(true);
    await second.stop();
    expect(isRunning(home)).toBe(false);
    database = await startEmbedded(home, { flags });
    await expectDataKept();
  });

  test('goes on while a connection that nobody announced uses it', async () => {
    const client = new pg.Client({ connectionString: database.runtimeUrl });
    await client.connect();
    await database.stop();
    expect(isRunning(home)).toBe(true);
    await client.end();
    database = await startEmbedded(home, { flags });
    expect(database.started).toBe(false);
  });

  test('starts again after its server was killed', async () => {
    const port = portOf(database.adminUrl);
    process.kill(postmaster(home), 'SIGKILL');
    database = await startEmbedded(home, { flags });
    expect([database.started, portOf(database.adminUrl)]).toEqual([true, port]);
    await expectDataKept();
  });

  test('starts again when the killed server’s process id now belongs to another program of the same user', async () => {
    const path = join(home, 'postgres', 'postmaster.pid');
    const [, ...rest] = readFileSync(path, 'utf8').split('\n');
    await database.stop();
    const { uid, gid } = statSync(join(home, 'postgres'));
    const other = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid, cwd: '/' } : { cwd: '/' });
    children.push(other);
    writeFileSync(path, [other.pid, ...rest].join('\n'));
    const lines: string[] = [];
    database = await startEmbedded(home, { flags, log: (line) => lines.push(line) });
    expect(database.started).toBe(true);
    expect(lines.join()).toContain('lock of a killed run');
    await expectDataKept();
    expect(other.exitCode).toBeNull();
  });

  test('takes another port, and says so, when a program has taken its own', async () => {
    await database.stop();
    const port = portOf(database.adminUrl);
    const taker = createServer().listen(port, '127.0.0.1');
    const lines: string[] = [];
    database = await startEmbedded(home, { flags, log: (line) => lines.push(line) });
    taker.close();
    expect(portOf(database.adminUrl)).not.toBe(port);
    expect(lines.join()).toContain(`Port ${port} is used by another program`);
    expect((await readSecrets(home))?.port).toBe(portOf(database.adminUrl));
    await expectDataKept();
  });

  test('is joined, not refused, when the process that started it was killed', async () => {
    await database.stop();
    const other = otherProcess(home);
    const { port } = await other.ready;
    other.child.kill('SIGKILL');
    await other.ended;
    database = await startEmbedded(home, { flags });
    expect([database.started, portOf(database.adminUrl)]).toEqual([false, port]);
    await expectDataKept();
  });

  test('does not wait for a lock whose holder is dead', async () => {
    writeFileSync(join(home, 'postgres.lock'), '999999999 1 abc');
    const second = await startEmbedded(home, { flags });
    await second.stop();
    expect(existsSync(join(home, 'postgres.lock'))).toBe(false);
  });

  test('makes the roles that a killed first start had not made yet', async () => {
    await query(database.adminUrl, 'drop owned by habeas_app');
    await query(database.adminUrl, 'drop role habeas_app');
    const second = await startEmbedded(home, { flags });
    expect(await query(second.runtimeUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.stop();
  });

  test('quotes its server’s own words when that cannot start, and says where the log is', async () => {
    await database.stop();
    const failed = startEmbedded(home, { flags: ['-c', 'shared_buffers=nonsense'] });
    await expect(failed).rejects.toThrow(/postgres\.log ends with:\n(.|\n)*shared_buffers/);
    database = await startEmbedded(home, { flags });
    await expectDataKept();
  });

  test('names the missing secrets file instead of making a new one over the data', async () => {
    const path = join(home, 'secrets.json');
    const text = readFileSync(path, 'utf8');
    await database.stop();
    rmSync(path);
    await expect(startEmbedded(home, { flags })).rejects.toThrow(/secrets\.json .*is missing\. Restore/);
    writeFileSync(path, 'half of', { mode: 0o600 });
    await expect(startEmbedded(home, { flags })).rejects.toThrow(/not a valid secrets file/);
    writeFileSync(path, text, { mode: 0o600 });
    database = await startEmbedded(home, { flags });
    await expectDataKept();
  });
});

describe('the first start', () => {
  test('begins anew where it was killed half-way', async () => {
    const home = newHome();
    const other = otherProcess(home);
    other.ready.catch(() => {});
    while (!readdirSync(home).some((name) => name.startsWith('postgres.new-'))) await sleep(5);
    other.child.kill('SIGKILL');
    await other.ended;
    expect(existsSync(join(home, 'postgres'))).toBe(false);
    const database = await startEmbedded(home, { flags });
    expect(await query(database.runtimeUrl, 'select current_user as me')).toEqual([{ me: 'habeas_app' }]);
    await database.stop();
    expect(new Set(readdirSync(home))).toEqual(new Set(['postgres', 'postgres.log', 'secrets.json']));
  });

  test('in two processes at once ends with one server, which the last of them stops', async () => {
    const home = newHome();
    const [one, two] = [otherProcess(home), otherProcess(home)];
    const [first, second] = await Promise.all([one.ready, two.ready]);
    expect(first.started).not.toBe(second.started);
    expect(first.port).toBe(second.port);
    one.child.stdin?.end();
    expect(await one.ended).toBe(0);
    expect(isRunning(home)).toBe(true);
    two.child.stdin?.end();
    expect(await two.ended).toBe(0);
    expect(isRunning(home)).toBe(false);
  });

  asRoot('names the folder that the database’s user cannot enter, and touches nothing', async () => {
    const shut = newHome();
    writeFileSync(join(shut, 'notes.txt'), '');
    mkdirSync(join(shut, 'inner'), { mode: 0o755 });
    const failed = startEmbedded(join(shut, 'inner', 'habeas'), { flags });
    await expect(failed).rejects.toThrow(`user postgres, who cannot enter ${shut}. Set HABEAS_HOME`);
    expect(readdirSync(join(shut, 'inner'))).toEqual([]);
    expect(statSync(shut).mode & 0o777).toBe(0o700);
    // A home that holds somebody's files is not opened either.
    await expect(startEmbedded(shut, { flags })).rejects.toThrow(`cannot enter ${shut}`);
  });
});
