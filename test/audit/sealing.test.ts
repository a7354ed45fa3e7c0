import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { Checkpoint, Signer } from '../../src/audit/checkpoint.ts';
import { exportLog } from '../../src/audit/export.ts';
import { verifyConsistency, verifyInclusion } from '../../src/audit/proofs.ts';
import { record, recordAll } from '../../src/audit/record.ts';
import type { AuditEntry } from '../../src/audit/record.ts';
import { publishCheckpoints, sealTenant } from '../../src/audit/seal.ts';
import { openSigner } from '../../src/audit/signer.ts';
import { proveEntry, proveGrowth } from '../../src/audit/stored-tree.ts';
import { verifyLog } from '../../src/audit/verifier.ts';
import { verifyFiles } from '../../src/audit/verify.command.ts';
import { uuidv7 } from '../../src/database/uuid.ts';
import type { Db } from '../../src/database/db.ts';
import { runtimeSource } from '../../ormconfig.ts';
import { freshDatabase } from '../support/cluster.ts';
import type { FreshDatabase } from '../support/cluster.ts';

let database: FreshDatabase;
let source: DataSource;
let signer: Signer;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  source = await runtimeSource(database.runtimeUrl, 5).initialize();
  folder = await mkdtemp(join(tmpdir(), 'habeas-audit-'));
  signer = await openSigner(folder);
});

afterAll(async () => {
  await source?.destroy();
  await database?.drop();
  if (folder) await rm(folder, { recursive: true });
});

function within<T>(tenant: string, act: (db: Db) => Promise<T>, [app, user] = ['', '']): Promise<T> {
  return source.transaction(async (db) => {
    await db.query('select enter_scope($1, $2, $3)', [tenant, app, user]);
    return act(db);
  });
}

const entry = (tenantId: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  id: uuidv7(),
  tenantId,
  at: new Date().toISOString(),
  actor: { key: 'k1', scope: 'tenant' },
  act: 'message.read',
  outcome: 'DONE',
  targets: { messages: 20, users: ['u1', 'u2'], share: 0.1 },
  ...more,
});

const entries = (tenantId: string, count: number) => Array.from({ length: count }, () => entry(tenantId));
const add = (tenant: string, count: number) => within(tenant, (db) => recordAll(db, entries(tenant, count)));
const seal = (tenant: string, batch = 5000) => within(tenant, (db) => sealTenant(db, tenant, signer, { batch }));

async function linesOf(tenant: string, db?: Db): Promise<string[]> {
  const lines: string[] = [];
  const write = async (line: string) => void lines.push(line.trimEnd());
  await (db ? exportLog(db, tenant, write) : within(tenant, (inside) => exportLog(inside, tenant, write)));
  return lines;
}

const verify = async (tenant: string, held: Checkpoint[]) =>
  verifyLog(await linesOf(tenant), held, { publicKey: signer.publicKey });

describe('what is recorded', () => {
  test('is sealed, exported and verified, in as many checkpoints as it takes', async () => {
    const tenant = uuidv7();
    await add(tenant, 12);
    const first = await seal(tenant, 5);
    expect(first).toMatchObject({ tenant, size: 5, previousSize: 0, peaks: [] });
    expect([(await seal(tenant, 5))?.size, (await seal(tenant, 5))?.size, await seal(tenant, 5)]).toEqual([10, 12, undefined]);
    await add(tenant, 2);
    const report = await verify(tenant, [first!]);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ ok: true, entries: 12, unsealed: 2, checkpoints: 3, heldSize: 5, trustedSize: 12 });
  });

  test('may hold any text, and its columns say the same as its body', async () => {
    const tenant = uuidv7();
    const actor = { key: 'k"\0\\', subject: '\ud800 é\u2028', scope: 'user', app: 'a', user: 'u' } as const;
    const targets = { 'ключ\0': [1e21, -0, 5e-324, 0.1, null, { z: 1, a: '\ud83d' }], nested: {}, none: undefined };
    await within(tenant, (db) => record(db, entry(tenant, { actor, targets, at: '2026-01-01T00:00:00+01:00', requestId: 'r' })));
    await seal(tenant);
    const report = await verify(tenant, []);
    expect(report.findings).toEqual([]);
    expect(report.entries).toBe(1);
  });

  test('is undone with the act that it speaks of', async () => {
    const tenant = uuidv7();
    const act = within(tenant, async (db) => {
      await record(db, entry(tenant));
      throw new Error('the act fails');
    });
    await expect(act).rejects.toThrow('the act fails');
    expect(await seal(tenant)).toBeUndefined();
  });

  test('is sealed although it commits after an entry with a larger id was sealed', async () => {
    const tenant = uuidv7();
    const slow = source.createQueryRunner();
    await slow.connect();
    await slow.startTransaction();
    await slow.query('select enter_scope($1, $2, $3)', [tenant, '', '']);
    await record(slow.manager, entry(tenant));
    await add(tenant, 1);
    expect((await seal(tenant))?.size).toBe(1);
    await slow.commitTransaction();
    await slow.release();
    const second = await seal(tenant);
    expect(second?.size).toBe(2);
    expect((await verify(tenant, [second!])).findings).toEqual([]);
  });

  test('is sealed once by sealers that run at the same time', async () => {
    const tenant = uuidv7();
    await add(tenant, 40);
    const made = await Promise.all(Array.from({ length: 5 }, () => seal(tenant, 8)));
    expect(made.map((checkpoint) => checkpoint?.size).toSorted((a, b) => a! - b!)).toEqual([8, 16, 24, 32, 40]);
    expect(await seal(tenant)).toBeUndefined();
    expect((await verify(tenant, [])).findings).toEqual([]);
  });

  test('has proofs of inclusion and of growth', async () => {
    const tenant = uuidv7();
    const all = entries(tenant, 21);
    await within(tenant, (db) => recordAll(db, all));
    const older = (await seal(tenant, 13))!;
    const newer = (await seal(tenant))!;
    const buffers = (hashes: string[]) => hashes.map((hash) => Buffer.from(hash, 'hex'));
    for (const { id } of all) {
      const { index, size, root, leafHash, proof } = await within(tenant, (db) => proveEntry(db, tenant, id));
      expect(root).toBe(newer.root);
      const [leaf, top] = buffers([leafHash, root]);
      expect(verifyInclusion(leaf!, index, size, buffers(proof), top!)).toBe(true);
    }
    const growth = await within(tenant, (db) => proveGrowth(db, tenant, 13, 21));
    const [first, second] = buffers([older.root, newer.root]);
    expect(verifyConsistency(13, 21, buffers(growth), first!, second!)).toBe(true);
    await expect(within(tenant, (db) => proveEntry(db, tenant, uuidv7()))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('is published once, oldest first, and again if publishing failed', async () => {
    const tenant = uuidv7();
    await add(tenant, 6);
    await seal(tenant, 3);
    await seal(tenant, 3);
    const failing = within(tenant, (db) => publishCheckpoints(db, tenant, () => Promise.reject(new Error('disk full'))));
    await expect(failing).rejects.toThrow('disk full');
    const out: Checkpoint[] = [];
    const publish = () => within(tenant, (db) => publishCheckpoints(db, tenant, async (one) => void out.push(one)));
    expect([await publish(), await publish()]).toEqual([2, 0]);
    expect(out.map((one) => one.size)).toEqual([3, 6]);
    expect((await verify(tenant, out)).findings).toEqual([]);
  });
});

describe('scope', () => {
  test('lets an app and a user write entries of their tenant, and read none', async () => {
    const tenant = uuidv7();
    const scopes: [string, string][] = [
      ['app', ''],
      ['app', 'user'],
    ];
    for (const scope of scopes) {
      const seen = await within(
        tenant,
        async (db) => {
          await record(db, entry(tenant));
          return db.query('select id from audit_entries where tenant_id = $1', [tenant]);
        },
        scope,
      );
      expect(seen).toEqual([]);
    }
    expect((await seal(tenant))?.size).toBe(2);
  });

  test('keeps tenants apart, and without one it raises', async () => {
    const [mine, theirs] = [uuidv7(), uuidv7()];
    await add(theirs, 3);
    await seal(theirs);
    const other = entry(theirs);
    await expect(within(mine, (db) => record(db, other))).rejects.toThrow(/row-level security/);
    for (const table of ['entries', 'pending', 'leaves', 'nodes', 'checkpoints', 'trees', 'unpublished']) {
      expect(await within(mine, (db) => db.query(`select * from audit_${table}`))).toEqual([]);
      await expect(source.query(`select * from audit_${table}`)).rejects.toThrow(/habeas\.tenant_id|invalid input syntax/);
    }
  });

  test.each(['entries', 'leaves', 'nodes', 'checkpoints'])('lets nobody change or delete rows of audit_%s', async (table) => {
    const tenant = uuidv7();
    for (const statement of [`delete from audit_${table}`, `update audit_${table} set tenant_id = tenant_id`]) {
      await expect(within(tenant, (db) => db.query(statement))).rejects.toThrow(/permission denied/);
    }
  });
});

describe('the sealer', () => {
  test.each([
    ['a node', `update audit_nodes set hash = '\\x00' where tenant_id = $1`],
    ['a leaf', `update audit_leaves set leaf_hash = '\\x00' where tenant_id = $1 and leaf_index = 4`],
    ['the newest root', `update audit_checkpoints set root = '\\x00' where tenant_id = $1`],
    ['a leaf that is gone', `delete from audit_leaves where tenant_id = $1 and leaf_index = 4`],
  ])('does not build on a tree in which somebody changed %s', async (_, sql) => {
    const tenant = uuidv7();
    await add(tenant, 5);
    await seal(tenant);
    await add(tenant, 1);
    const admin = await new DataSource({ type: 'postgres', url: database.adminUrl }).initialize();
    await admin.query(sql, [tenant]);
    await admin.destroy();
    await expect(seal(tenant)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('keeps one private key, made on first use, however many ask for it at once', async () => {
    const dir = join(folder, 'new');
    const all = await Promise.all(Array.from({ length: 6 }, () => openSigner(dir)));
    expect(new Set(all.map((one) => one.keyId)).size).toBe(1);
    expect((await stat(join(dir, 'audit-signing.json'))).mode & 0o777).toBe(0o600);
    await writeFile(join(dir, 'audit-signing.json'), '{"version":1}');
    await expect(openSigner(dir)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

test('the command verifies a file, and refuses what it cannot read', async () => {
  const tenant = uuidv7();
  await add(tenant, 4);
  const checkpoint = await seal(tenant);
  const at = (name: string) => join(folder, name);
  await writeFile(at('log.ndjson'), `${(await linesOf(tenant)).join('\n')}\n`);
  await writeFile(at('one.json'), JSON.stringify(checkpoint, null, 2));
  await writeFile(at('lines.ndjson'), `${JSON.stringify(checkpoint)}\n${JSON.stringify(checkpoint)}\n`);
  await writeFile(at('key.pem'), signer.publicKey);
  const files = { log: at('log.ndjson'), checkpoint: at('one.json') };
  expect(await verifyFiles(files)).toMatchObject({ ok: true, entries: 4 });
  expect(await verifyFiles({ ...files, checkpoint: at('lines.ndjson'), publicKey: at('key.pem') })).toMatchObject({ ok: true });
  for (const bad of [
    { log: at('none') },
    { checkpoint: at('none') },
    { checkpoint: at('key.pem') },
    { publicKey: at('one.json') },
  ]) {
    await expect(verifyFiles({ ...files, ...bad })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  }
});
