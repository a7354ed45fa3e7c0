import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

/** The command as people run it: built, in a process of its own, on an embedded database in a home of its own. */
const HABEAS = 'dist/src/cli/habeas.js';
const call = promisify(execFile);

let home: string;
let server: ChildProcess | undefined;
beforeAll(async () => {
  // npm test builds first; whoever runs this file alone tests what was built last.
  if (!existsSync(HABEAS)) await call(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']);
  home = await mkdtemp(join(tmpdir(), 'habeas-process-'));
}, 120_000);
afterAll(async () => {
  server?.kill('SIGKILL');
  if (home) await rm(home, { recursive: true, force: true });
});

const environment = (more: Record<string, string> = {}) => ({
  // Those of this test run are no settings.
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HABEAS_'))),
  HABEAS_HOME: home,
  HABEAS_PORT: '0',
  HABEAS_LOG_LEVEL: 'error',
  ...more,
});

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

function start(
  argv: string[],
  more: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended>; until: (text: RegExp) => Promise<RegExpExecArray> } {
  const child = spawn(process.execPath, [HABEAS, ...argv], {
    env: environment(more),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (err += text));
  const until = (text: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = text.exec(out);
        if (found) resolve(found);
      };
      child.stdout!.on('data', look);
      void ended.then((end) => reject(new Error(`ended with ${end.code}: ${end.err}`)));
      look();
    });
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (out += text));
  return { child, ended, until };
}
const habeas = (...argv: string[]): Promise<Ended> => start(argv).ended;

test('commands start the embedded database and stop it behind them', async () => {
  const examined = await habeas('doctor');
  expect(examined).toMatchObject({ code: 0, out: expect.stringMatching(/migrations are pending/) });
  const created = await habeas('tenant', 'create', 'Acme', '--json');
  expect(created).toMatchObject({ code: 0, out: expect.stringContaining('"name": "Acme"') });
  expect(existsSync(join(home, 'postgres', 'postmaster.pid'))).toBe(false);
}, 120_000);

test('serve shows a provider key on its very first start, works beside other commands, and ends cleanly when told', async () => {
  const serving = start(['serve'], { HABEAS_LIMIT_SECOND: '3' });
  server = serving.child;
  const [, url] = await serving.until(/Habeas serves (http:\/\/127\.0\.0\.1:\d+)\/graphql/);
  const [, kid] = await serving.until(/kid {5}(hk_[\w-]{38})\n {2}secret {2}[\w-]{64}\n/);
  // Two commands at once, on the database of the server.
  const [issued, listed] = await Promise.all([
    habeas('token', 'issue', '--key', kid!, '--ttl', '10m'),
    habeas('tenant', 'list', '--json'),
  ]);
  expect(JSON.parse(listed.out)).toMatchObject([{ name: 'Acme' }]);
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${issued.out.trim()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ tenants { name } }' }),
  });
  expect(await answer.json()).toEqual({ data: { tenants: [{ name: 'Acme' }] } });
  const page = await fetch(`${url}/`);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('graphiql')]);
  serving.child.kill('SIGTERM');
  const { code, err } = await serving.ended;
  expect(code).toBe(0);
  expect(err).toMatch(/^warning: HABEAS_LIMIT_SECOND is not a setting of Habeas, and is ignored\.\n[^]*Stopping/m);
  expect(existsSync(join(home, 'postgres', 'postmaster.pid'))).toBe(false);
}, 120_000);

test('a later start shows no key again; a port in use is said with its mend, and nothing stays behind', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  const refused = await start(['serve'], { HABEAS_PORT: String(port) }).ended;
  taken.close();
  expect(refused).toEqual({
    code: 1,
    out: '',
    err: `UNAVAILABLE: Port ${port} on 127.0.0.1 is in use. Stop the program that uses it, or set HABEAS_PORT to another port (0 takes a free one).\n`,
  });
  expect(existsSync(join(home, 'postgres', 'postmaster.pid'))).toBe(false);
  const serving = start(['serve']);
  server = serving.child;
  await serving.until(/Habeas serves /);
  serving.child.kill('SIGINT');
  const { code, out } = await serving.ended;
  expect([code, out.includes('secret')]).toEqual([0, false]);
}, 120_000);
