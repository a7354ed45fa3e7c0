import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import type { QueryRunner } from 'typeorm';
import type { Checkpoint } from '../../src/audit/checkpoint.ts';
import { exportLog } from '../../src/audit/export.ts';
import { recordAll } from '../../src/audit/record.ts';
import { sealTenant } from '../../src/audit/seal.ts';
import { verifyLog } from '../../src/audit/verifier.ts';
import { uuidv7 } from '../../src/database/uuid.ts';
import { freshDatabase } from '../support/cluster.ts';
import type { FreshDatabase } from '../support/cluster.ts';
import { newSigner } from './sample-log.ts';

const RUNS = process.env['HABEAS_LONG'] === '1' ? 1000 : 50;
const BATCHES = [13, 8, 21, 10];
const TOTAL = BATCHES.reduce((sum, size) => sum + size, 0);
const tenant = uuidv7();
const signer = newSigner();
const held: Checkpoint[] = [];
let database: FreshDatabase;
let source: DataSource;

/** Somebody with all the rights that there are in the database, which is what a log must be good against. */
beforeAll(async () => {
  database = await freshDatabase();
  source = await new DataSource({ type: 'postgres', url: database.adminUrl }).initialize();
  await source.transaction(async (db) => {
    await db.query('select enter_scope($1, $2, $3)', [tenant, '', '']);
    const actor = { key: 'k', scope: 'tenant' } as const;
    const entry = (nth: number) => ({ id: uuidv7(), tenantId: tenant, at: new Date(nth).toISOString(), actor, act: 'user.read' });
    const all = Array.from({ length: TOTAL }, (_, nth) => ({ ...entry(nth), outcome: 'DONE' as const, targets: { nth } }));
    await recordAll(db, all);
    for (const batch of BATCHES) held.push((await sealTenant(db, tenant, signer, { batch }))!);
  });
});

afterAll(async () => {
  await source?.destroy();
  await database?.drop();
});

const ID = '(select entry_id from audit_leaves where tenant_id = $1 and leaf_index = $2)';
const OTHER = '(select entry_id from audit_leaves where tenant_id = $1 and leaf_index = $3)';
const LEAF = `sha256('\\x00'::bytea || convert_to(e.body, 'UTF8'))`;
const REHASH = `update audit_leaves l set leaf_hash = ${LEAF} from audit_entries e
  where e.tenant_id = $1 and l.tenant_id = $1 and e.id = l.entry_id`;

/** Statements: $1 is the tenant, $2 the leaf that is meant, $3 another one. */
const TAMPERS: Record<string, string[]> = {
  'edit a body': [`update audit_entries set body = replace(body, 'user.read', 'user.seen') where tenant_id = $1 and id = ${ID}`],
  'edit a column': [`update audit_entries set act = 'user.seen' where tenant_id = $1 and id = ${ID}`],
  'edit the targets': [`update audit_entries set targets = '{"nth": 1000}' where tenant_id = $1 and id = ${ID}`],
  'edit the time': [`update audit_entries set at = at + interval '1 second' where tenant_id = $1 and id = ${ID}`],
  'edit both': [
    `update audit_entries set act = 'user.seen', body = replace(body, 'user.read', 'user.seen') where tenant_id = $1 and id = ${ID}`,
  ],
  'edit and hash anew': [
    `update audit_entries set act = 'user.seen', body = replace(body, 'user.read', 'user.seen') where tenant_id = $1 and id = ${ID}`,
    REHASH,
  ],
  'delete an entry': [`delete from audit_entries where tenant_id = $1 and id = ${ID}`],
  'delete an entry and its leaf': [
    `delete from audit_entries where tenant_id = $1 and id = ${ID}`,
    'delete from audit_leaves where tenant_id = $1 and leaf_index = $2',
  ],
  'delete an entry and close up': [
    `delete from audit_entries where tenant_id = $1 and id = ${ID}`,
    'delete from audit_leaves where tenant_id = $1 and leaf_index = $2',
    'update audit_leaves set leaf_index = -leaf_index where tenant_id = $1 and leaf_index > $2',
    'update audit_leaves set leaf_index = -leaf_index - 1 where tenant_id = $1 and leaf_index < 0',
  ],
  'delete a leaf': ['delete from audit_leaves where tenant_id = $1 and leaf_index = $2'],
  'edit a leaf': [`update audit_leaves set leaf_hash = sha256(leaf_hash) where tenant_id = $1 and leaf_index = $2`],
  'swap leaves': [
    'update audit_leaves set leaf_index = -1 - leaf_index where tenant_id = $1 and leaf_index in ($2, $3)',
    `update audit_leaves set leaf_index = case leaf_index when -1 - $2::bigint then $3::bigint else $2::bigint end
     where tenant_id = $1 and leaf_index < 0`,
  ],
  'swap bodies': [
    `update audit_entries e set body = o.body, targets = o.targets, at = o.at from audit_entries o
     where e.tenant_id = $1 and o.tenant_id = $1 and e.id in (${ID}, ${OTHER}) and o.id in (${ID}, ${OTHER}) and o.id <> e.id`,
  ],
  'insert an entry': [
    `insert into audit_entries select tenant_id, gen_random_uuid(), at, actor_key, actor_subject, actor_scope, actor_app, actor_user,
       act, outcome, request_id, targets, body from audit_entries where tenant_id = $1 and id = ${ID}`,
  ],
  'insert an entry at the end, with its leaf': [
    `with it as (select gen_random_uuid() as new, e.* from audit_entries e where tenant_id = $1 and id = ${ID}),
      made as (insert into audit_entries select tenant_id, new, at, actor_key, actor_subject, actor_scope, actor_app, actor_user,
        act, outcome, request_id, targets, replace(body, id::text, new::text) from it)
     insert into audit_leaves select tenant_id, ${TOTAL}, new, sha256('\\x00'::bytea || convert_to(replace(body, id::text, new::text), 'UTF8'))
     from it`,
  ],
  'cut the tail': [
    `delete from audit_entries e using audit_leaves l
     where e.tenant_id = $1 and l.tenant_id = $1 and l.entry_id = e.id and l.leaf_index >= $2`,
    'delete from audit_leaves where tenant_id = $1 and leaf_index >= $2',
  ],
  'cut the tail, its checkpoints too': [
    `delete from audit_entries e using audit_leaves l
     where e.tenant_id = $1 and l.tenant_id = $1 and l.entry_id = e.id and l.leaf_index >= $2`,
    'delete from audit_leaves where tenant_id = $1 and leaf_index >= $2',
    'delete from audit_checkpoints where tenant_id = $1 and size > $2',
  ],
  'edit a checkpoint': [
    `update audit_checkpoints set root = sha256(root)
     where tenant_id = $1 and size = (select min(size) from audit_checkpoints where tenant_id = $1 and size > $2)`,
  ],
  'edit what a checkpoint lists': [
    `update audit_checkpoints set leaves = sha256(leaves) || substr(leaves, 33)
     where tenant_id = $1 and size = (select min(size) from audit_checkpoints where tenant_id = $1 and size > $2)`,
  ],
};

/** Sealing all of it anew, with the server's own key, is the most that anybody can do. */
async function everythingAnew(runner: QueryRunner): Promise<void> {
  for (const table of ['leaves', 'nodes', 'checkpoints', 'unpublished'])
    await runner.query(`delete from audit_${table} where tenant_id = $1`, [tenant]);
  await runner.query('insert into audit_pending select tenant_id, id from audit_entries where tenant_id = $1', [tenant]);
  while (await sealTenant(runner.manager, tenant, signer, { batch: 13 }));
}

const ANEW = ['edit both', 'edit and hash anew', 'delete an entry and its leaf', 'insert an entry', 'swap bodies'];

async function findingsAfter(kind: string, anew: boolean, leaf: number, other: number, checkpoint: Checkpoint) {
  const runner = source.createQueryRunner();
  await runner.connect();
  await runner.startTransaction();
  try {
    await runner.query('select enter_scope($1, $2, $3)', [tenant, '', '']);
    const [row] = (await runner.query(`select ${ID} as id`, [tenant, leaf])) as [{ id: string }];
    for (const sql of TAMPERS[kind]!) {
      const parameters = [tenant, leaf, other].slice(0, Math.max(...[...sql.matchAll(/\$(\d)/g)].map(([, nth]) => Number(nth))));
      await runner.query(sql, parameters);
    }
    if (anew) await everythingAnew(runner);
    const lines: string[] = [];
    await exportLog(runner.manager, tenant, async (line) => void lines.push(line.trimEnd()));
    const report = await verifyLog(lines, [checkpoint], { publicKey: signer.publicKey });
    return { report, id: row.id };
  } finally {
    await runner.rollbackTransaction();
    await runner.release();
  }
}

test(`${RUNS} random changes to the audit tables by SQL are all found from one older checkpoint`, async () => {
  const cases = fc.record({
    kind: fc.constantFrom(...Object.keys(TAMPERS)),
    anew: fc.boolean(),
    held: fc.integer({ min: 0, max: BATCHES.length - 1 }),
    a: fc.nat(),
    b: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ kind, anew, held: nth, a, b }) => {
      const checkpoint = held[nth]!;
      const leaf = a % checkpoint.size;
      const other = (leaf + 1 + (b % (TOTAL - 1))) % TOTAL;
      const resealed = anew && ANEW.includes(kind) && kind !== 'insert an entry';
      const { report, id } = await findingsAfter(kind, resealed, leaf, other, checkpoint);
      expect(report.ok).toBe(false);
      const named = report.findings.map((finding) => finding.entryId);
      const gone = kind.startsWith('cut') || kind.startsWith('delete an entry and') || kind.includes('checkpoint');
      if (!resealed && !gone && !kind.startsWith('insert')) expect(named).toContain(id);
    }),
    { numRuns: RUNS },
  );
});

test('the same log, untouched, verifies from each of its checkpoints', async () => {
  for (const checkpoint of held) {
    const lines: string[] = [];
    await source.transaction(async (db) => {
      await db.query('select enter_scope($1, $2, $3)', [tenant, '', '']);
      await exportLog(db, tenant, async (line) => void lines.push(line.trimEnd()));
    });
    expect((await verifyLog(lines, [checkpoint], { publicKey: signer.publicKey })).findings).toEqual([]);
  }
});
