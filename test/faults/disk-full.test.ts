import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSigner } from '../../src/audit/signer.ts';
import { sealNow } from '../../src/audit/sealer.ts';
import { recordAct } from '../../src/audit/act.ts';
import { importNdjson } from '../../src/intake/ndjson.importer.ts';
import { runImport } from '../../src/intake/import.service.ts';
import { HANDLERS } from '../../src/jobs/handlers.ts';
import { inScope } from '../../src/scope/in-scope.ts';
import { storeScope } from '../../src/scope/scope.ts';
import { openWorld, type Ask, type World } from '../support/world.ts';
import { expectSound, person } from './site.ts';

/** A small disk of its own. */
interface Disk {
  path: string;
  /** Takes all the room there is. */
  fill(): void;
  makeRoom(): Promise<void>;
  remove(): void;
}

function mount(size: string): Disk | undefined {
  const path = execFileSync('mktemp', ['-d', join(tmpdir(), 'habeas-disk-XXXXXX')])
    .toString()
    .trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const ballast = join(path, 'ballast');
  return {
    path,
    fill: () => {
      writeFileSync(ballast, '');
      for (const bytes of [65_536, 4096])
        try {
          for (;;) writeFileSync(ballast, Buffer.alloc(bytes, 1), { flag: 'a' });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
    },
    makeRoom: () => rm(ballast, { force: true }),
    remove: () => {
      execFileSync('umount', [path]);
      execFileSync('rmdir', [path]);
    },
  };
}

const probe = mount('1m');
probe?.remove();
if (!probe) console.warn('SKIPPED: tmpfs cannot be mounted here, so no disk was filled.');
const never = new AbortController().signal;

(probe ? describe : describe.skip)('when the disk of the file store is full', () => {
  let disk: Disk;
  let world: World;
  let tenant: string;
  let app: string;
  let officer: Ask;
  beforeAll(async () => {
    disk = mount('4m')!;
    world = await openWorld({ work: false, environment: { HABEAS_FILES: join(disk.path, 'files'), HABEAS_LOG_LEVEL: 'silent' } });
    tenant = await world.tenant();
    app = await world.app(tenant);
    officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  });
  afterAll(async () => {
    await world?.close();
    disk?.remove();
  });
  const scope = () => ({ ...world.cli, tenantId: tenant });
  const run = (name: 'export' | 'erasure', requestId: string): Promise<void> =>
    HANDLERS[name](world.system, { requestId, scope: storeScope(scope()) }, never);
  const asked = async (mutation: string, id: string): Promise<string> => {
    const { data, messages } = await officer(`mutation ($id: ID!) { made: ${mutation} }`, { id });
    expect(messages).toEqual([]);
    return data.made.id ?? data.made.request.id;
  };
  const access = (id: string): Promise<string> => asked('requestAccess(userId: $id, format: JSON) { request { id } }', id);
  const stands = async (id: string): Promise<unknown> =>
    (await officer('query ($id: ID!) { request(id: $id) { status error } }', { id })).data.request;

  test('an import says so, holds what came before, and is completed by the same import once there is room', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'habeas-import-'));
    const records = [
      ...person('full', 10),
      {
        type: 'message',
        externalId: 'with-file',
        conversation: 'c-full',
        author: 'full',
        sentAt: '2026-03-01T00:00:00Z',
        attachments: [{ externalId: 'f', name: 'f.bin', path: 'f.bin' }],
      },
    ];
    await writeFile(join(folder, 'a.ndjson'), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    await writeFile(join(folder, 'f.bin'), Buffer.alloc(400_000, 7));
    disk.fill();
    const takeIn = () => runImport(world.system, scope(), app, importNdjson, folder);
    await expect(takeIn()).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'The file store is full.' });
    expect(await world.sql('select 1 from attachments where tenant_id = $1', [tenant])).toEqual([]);
    expect(await readdir(join(disk.path, 'files', '.temporary'))).toEqual([]);
    await disk.makeRoom();
    await takeIn();
    expect(await world.sql('select 1 from attachments where tenant_id = $1 and stored', [tenant])).toHaveLength(1);
    expect(await world.sql('select 1 from messages where tenant_id = $1', [tenant])).toHaveLength(11);
    await rm(folder, { recursive: true });
  });

  test('an export waits, is done once there is room, and fails with an incident where there is none for long', async () => {
    const user = await world.userId(tenant, app, 'full');
    const [waits, fails] = [await access(user), await access(user)];
    disk.fill();
    await expect(run('export', waits)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await stands(waits)).toMatchObject({ status: 'RUNNING' });
    for (let tries = 1; tries < 5; tries += 1) await expect(run('export', fails)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await run('export', fails);
    expect(await stands(fails)).toEqual({ status: 'FAILED', error: expect.stringMatching(/after 5 attempts.*incident id/) });
    await disk.makeRoom();
    await run('export', waits);
    expect(await stands(waits)).toEqual({ status: 'COMPLETED', error: null });
    const again = await access(user);
    await run('export', again);
    expect(await stands(again)).toEqual({ status: 'COMPLETED', error: null });
    await expectSound(world, tenant);
  });

  test('a checkpoint waits in the database until it can leave it', async () => {
    const signer = await openSigner(world.config.keys);
    await inScope(world.system, scope(), (session) => recordAct(session, 'test.done', {}));
    disk.fill();
    await expect(sealNow(world.system, signer, tenant)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await world.sql('select 1 from audit_unpublished where tenant_id = $1', [tenant])).toHaveLength(1);
    await disk.makeRoom();
    await sealNow(world.system, signer, tenant);
    expect(await world.sql('select 1 from audit_unpublished where tenant_id = $1', [tenant])).toEqual([]);
    await expectSound(world, tenant);
  });

  test('an erasure deletes all the same, and so makes the room in which its line of the ledger is written', async () => {
    const user = await world.userId(tenant, app, 'full');
    disk.fill();
    const id = await asked('eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id }', user);
    await run('erasure', id);
    expect(await stands(id)).toEqual({ status: 'COMPLETED', error: null });
    await disk.makeRoom();
    await expectSound(world, tenant);
    const lines: string[] = [];
    for await (const key of world.system.files.list(`${tenant}/erasures`)) lines.push(key);
    expect(lines).toEqual([`${tenant}/erasures/${id}`]);
  });
});

(probe ? describe : describe.skip)('when the disk of the database is full', () => {
  let disk: Disk;
  let world: World;
  const SPACE = `habeas_small_${process.pid}`;
  beforeAll(async () => {
    disk = mount('6m')!;
    world = await openWorld({ work: false, environment: { HABEAS_LOG_LEVEL: 'silent' } });
    const [{ data_directory: data }] = (await world.sql('show data_directory')) as [{ data_directory: string }];
    const { uid, gid } = statSync(data);
    const location = join(disk.path, 'space');
    execFileSync('mkdir', [location]);
    await chown(location, uid, gid);
    await chmod(disk.path, 0o755);
    await world.sql(`create tablespace ${SPACE} location '${location}'`);
    await world.sql(`alter table messages set tablespace ${SPACE}`);
  });
  afterAll(async () => {
    const admin = world?.database.adminUrl;
    await world?.close();
    if (admin) {
      const { default: pg } = await import('pg');
      const client = new pg.Client({ connectionString: admin.replace(/\/[^/]*$/, '/postgres') });
      await client.connect();
      await client.query(`drop tablespace if exists ${SPACE}`);
      await client.end();
    }
    disk?.remove();
  });

  test('what is fed in is refused whole, reading and erasing go on, and the same again is taken once there is room', async () => {
    const tenant = await world.tenant();
    const app = await world.app(tenant);
    const integrator = world.as({ tenant, app, role: 'INTEGRATOR' });
    const send = (name: string) =>
      integrator(
        'mutation ($appId: ID, $records: [JSON!]!) { ingest(appId: $appId, records: $records) { counts { what created } } }',
        {
          appId: app,
          records: person(name, 400).map((record) => ('body' in record ? { ...record, body: 'x'.repeat(300) } : record)),
        },
      );
    expect((await send('before')).codes).toEqual([]);
    disk.fill();
    let refused: string | undefined;
    for (let nth = 0; nth < 20 && !refused; nth += 1) {
      const { codes, messages } = await send(`n${nth}`);
      if (!codes.length) continue;
      expect([codes, messages[0]]).toEqual([['UNAVAILABLE'], expect.stringMatching(/has no room.*incident id/)]);
      refused = `n${nth}`;
    }
    expect(refused).toBeDefined();
    const held = async (name: string): Promise<number> =>
      (await world.sql(`select 1 from messages where tenant_id = $1 and external_id like $2`, [tenant, `${name}-%`])).length;
    expect(await held(refused!)).toBe(0);
    const officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
    const erasing = await officer('mutation ($id: ID!) { eraseUser(userId: $id, ground: CONSENT_WITHDRAWN) { id } }', {
      id: await world.userId(tenant, app, 'before'),
    });
    const requestId = erasing.data.eraseUser.id as string;
    await HANDLERS.erasure(world.system, { requestId, scope: storeScope({ ...world.cli, tenantId: tenant }) }, never);
    const { data } = await officer('{ requests(first: 1) { edges { node { id status } } } }');
    expect(data.requests.edges).toEqual([{ node: { id: requestId, status: 'COMPLETED' } }]);
    await disk.makeRoom();
    expect((await send(refused!)).codes).toEqual([]);
    expect(await held(refused!)).toBe(400);
    await expectSound(world, tenant);
  }, 60_000);
});
