import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { canonicalJson } from '../../src/audit/canonical.ts';
import type { EntryLine, LogLine } from '../../src/audit/log-format.ts';
import { leafHash } from '../../src/audit/merkle.ts';
import { verifyLog } from '../../src/audit/verifier.ts';
import { newSigner, resealed, sampleBody, sampleLog, TENANT, textOf } from './sample-log.ts';

const signer = newSigner();
const BATCHES = [7, 5, 9, 4];
const log = sampleLog(BATCHES, signer);
const [, older] = log.checkpoints; // 12 entries
const held = [older!];

/** The log with some of its entries' lines replaced (undefined takes a line out), and the end line's counts made to fit. */
function changed(change: (entries: EntryLine[]) => EntryLine[]): LogLine[] {
  const entries = change(structuredClone(log.entries));
  const others = log.lines.filter((line) => line.type !== 'entry');
  const lines: LogLine[] = [others[0]!, ...entries, ...others.slice(1)];
  return lines.map((line) => (line.type === 'end' ? { ...line, sealed: entries.length } : line));
}

const verify = (lines: LogLine[], checkpoints = held) => verifyLog(textOf(lines), checkpoints, { publicKey: signer.publicKey });
const facts = (found: { kind: string; entryId?: string; leafIndex?: number }[]) =>
  found.map(({ kind, entryId, leafIndex }) => [kind, entryId ?? leafIndex]);

function edited(entry: EntryLine): EntryLine {
  const body = canonicalJson({ ...(JSON.parse(entry.body!) as object), act: 'message.erased' });
  return { ...entry, body, leafHash: leafHash(body).toString('hex') };
}

describe('a log that nobody touched', () => {
  test('verifies against every one of its checkpoints, all of them, or none', async () => {
    for (const checkpoints of [...log.checkpoints.map((one) => [one]), log.checkpoints, []]) {
      const report = await verify(log.lines, checkpoints);
      expect(report.findings).toEqual([]);
      expect(report).toMatchObject({ ok: true, tenant: TENANT, entries: 25, unsealed: 2, checkpoints: 4, trustedSize: 25 });
      expect(report.heldSize).toBe(Math.max(0, ...checkpoints.map((one) => one.size)));
    }
  });

  test('verifies with the key that the held checkpoint brings', async () => {
    expect((await verifyLog(textOf(log.lines), held)).ok).toBe(true);
  });

  test('may be empty', async () => {
    const empty = resealed([], [], signer);
    expect((await verify(empty.lines, [])).ok).toBe(true);
  });
});

describe('from one older checkpoint, the verifier names', () => {
  test.each([3, 9, 20])('the entry at leaf %i that was edited, with or without its hash', async (at) => {
    const rehashed = await verify(changed((entries) => entries.with(at, edited(entries[at]!))));
    expect(facts(rehashed.findings)).toEqual([['EDITED', log.entries[at]!.id]]);
    const plain = await verify(
      changed((entries) => entries.with(at, { ...edited(entries[at]!), leafHash: entries[at]!.leafHash })),
    );
    expect(facts(plain.findings)).toEqual([['EDITED', log.entries[at]!.id]]);
  });

  test.each([3, 9, 20])('the leaf %i that was deleted, also where the others close up', async (at) => {
    const gap = await verify(changed((entries) => entries.toSpliced(at, 1)));
    expect(facts(gap.findings)).toEqual([['DELETED', at]]);
    const closed = await verify(
      changed((entries) => entries.toSpliced(at, 1).map((entry, leafIndex) => ({ ...entry, leafIndex }))),
    );
    expect(facts(closed.findings)).toEqual([['DELETED', at]]);
  });

  test('the entry whose leaf was left behind', async () => {
    const report = await verify(changed((entries) => entries.with(9, { ...entries[9]!, body: null })));
    expect(facts(report.findings)).toEqual([['DELETED', log.entries[9]!.id]]);
  });

  test('both entries that changed places, with their hashes or as whole lines', async () => {
    const [a, b] = [log.entries[2]!, log.entries[10]!];
    const names = [
      ['SWAPPED', a.id],
      ['SWAPPED', b.id],
    ];
    const whole = await verify(changed((entries) => entries.with(2, b).with(10, a)));
    expect(facts(whole.findings)).toEqual(expect.arrayContaining(names));
    expect(whole.findings).toHaveLength(2);
    const contents = await verify(
      changed((entries) => entries.with(2, { ...b, leafIndex: 2 }).with(10, { ...a, leafIndex: 10 })),
    );
    expect(facts(contents.findings)).toEqual(expect.arrayContaining(names));
    expect(contents.findings).toHaveLength(2);
  });

  test('the one entry that was moved past many others', async () => {
    const moved = log.entries[2]!;
    const report = await verify(changed((entries) => entries.toSpliced(2, 1).toSpliced(20, 0, moved)));
    expect(facts(report.findings)).toEqual([['SWAPPED', moved.id]]);
  });

  test('the entry that was put in, also where the others made room', async () => {
    const body = sampleBody(4);
    const entry = {
      ...log.entries[4]!,
      id: (JSON.parse(body) as { id: string }).id,
      body,
      leafHash: leafHash(body).toString('hex'),
    };
    const twice = await verify(changed((entries) => entries.toSpliced(5, 0, entry)));
    expect(facts(twice.findings)).toEqual([['INSERTED', entry.id]]);
    const room = await verify(
      changed((entries) => entries.toSpliced(5, 0, entry).map((each, leafIndex) => ({ ...each, leafIndex }))),
    );
    expect(facts(room.findings)).toEqual([['INSERTED', entry.id]]);
    const atTheEnd = await verify(changed((entries) => [...entries, { ...entry, leafIndex: entries.length }]));
    expect(facts(atTheEnd.findings)).toEqual([['INSERTED', entry.id]]);
  });

  test.each([5, 12, 20])('that the log was cut to %i entries, the checkpoints with them', async (size) => {
    const entriesOnly = await verify(changed((entries) => entries.slice(0, size)));
    expect(facts(entriesOnly.findings)).toEqual([['TRUNCATED', size]]);
    const cut = changed((entries) => entries.slice(0, size)).filter((line) => line.type !== 'checkpoint' || line.size <= size);
    const shown = cut.filter((line) => line.type === 'checkpoint').length;
    const report = await verify(cut.map((line) => (line.type === 'end' ? { ...line, checkpoints: shown } : line)));
    // A cut at a checkpoint, beyond the one that is held, cannot be told from a log that never went on.
    if (size === 12) expect(report.ok).toBe(true);
    else if (size === 5) expect(facts(report.findings)).toContainEqual(['TRUNCATED', 5]);
    else expect(report.ok).toBe(false);
  });

  test.each([8, 11])('the entry %i, where everything after it was hashed and signed anew with the stolen key', async (at) => {
    const bodies = log.entries.map((entry) => entry.body!);
    const forged = resealed(bodies.with(at, edited(log.entries[at]!).body!), BATCHES, signer);
    const report = await verify(forged.lines);
    expect(facts(report.findings)).toContainEqual(['EDITED', log.entries[at]!.id]);
  });

  test('the part of the log that was forged, where the held checkpoint has no hash of its entries', async () => {
    const bodies = log.entries.map((entry) => entry.body!);
    const forged = resealed(bodies.with(3, edited(log.entries[3]!).body!), BATCHES, signer);
    const report = await verify(forged.lines);
    expect(report.findings.map((finding) => finding.message)).toContainEqual(expect.stringContaining('among entries 0 to 6'));
    const withAll = await verify(forged.lines, log.checkpoints);
    expect(facts(withAll.findings)).toContainEqual(['EDITED', log.entries[3]!.id]);
  });

  test('a log made anew under another key', async () => {
    const bodies = log.entries.map((entry) => entry.body!);
    const forged = resealed(bodies.with(9, edited(log.entries[9]!).body!), BATCHES, newSigner());
    const report = await verify(forged.lines);
    expect(report.findings.map((finding) => finding.kind)).toContain('BAD_SIGNATURE');
    expect(facts(report.findings)).toContainEqual(['EDITED', log.entries[9]!.id]);
  });
});

describe('the verifier also sees', () => {
  const withCheckpoint = (size: number, change: (line: Extract<LogLine, { type: 'checkpoint' }>) => LogLine | undefined) =>
    log.lines.flatMap((line) => (line.type === 'checkpoint' && line.size === size ? (change(line) ?? []) : line));

  test.each([
    ['root', { root: '00'.repeat(32) }, 'BAD_SIGNATURE'],
    ['time', { at: '2025-01-01T00:00:00.000Z' }, 'BAD_SIGNATURE'],
    ['signature', { signature: Buffer.alloc(64).toString('base64') }, 'BAD_SIGNATURE'],
    ['key', { publicKey: newSigner().publicKey }, 'BAD_SIGNATURE'],
    ['key id', { keyId: '00' }, 'BAD_SIGNATURE'],
    ['list of hashes', { leaves: Array.from({ length: 9 }, () => '00'.repeat(32)) }, 'INCONSISTENT'],
    ['tree before it', { peaks: ['00'.repeat(32), '11'.repeat(32)] }, 'INCONSISTENT'],
    ['tenant', { tenant: 'another' }, 'INCONSISTENT'],
  ])("that a checkpoint's %s was changed", async (_, change, kind) => {
    const report = await verify(withCheckpoint(21, (line) => ({ ...line, ...change })));
    expect(report.findings.map((finding) => finding.kind)).toContain(kind);
  });

  test.each([7, 12, 21])('that the checkpoint of %i entries was left out', async (size) => {
    const report = await verify(withCheckpoint(size, () => undefined));
    expect(report.findings.map((finding) => finding.kind)).toContain('INCONSISTENT');
  });

  test('columns that are not what was hashed', async () => {
    const report = await verify(changed((entries) => entries.with(4, { ...entries[4]!, columns: { act: 'nothing' } })));
    expect(facts(report.findings)).toEqual([['EDITED', log.entries[4]!.id]]);
  });

  test('an entry that neither is sealed nor waits, and one that waited and is gone', async () => {
    const unsealed = log.lines.filter((line) => line.type === 'unsealed');
    const ids = unsealed.map((line) => line.id);
    const lines = log.lines.map((line): LogLine => {
      if (line === unsealed[0]) return { ...unsealed[0], waiting: false };
      return line === unsealed[1] ? { ...unsealed[1], body: null } : line;
    });
    expect(facts((await verify(lines)).findings)).toEqual([
      ['INSERTED', ids[0]],
      ['DELETED', ids[1]],
    ]);
  });

  test('a log that was cut as a file, and lines that are none', async () => {
    expect(facts((await verify(log.lines.slice(0, -1))).findings)).toEqual([['TRUNCATED', undefined]]);
    const text = textOf(log.lines);
    const broken = await verifyLog([...text.slice(0, 5), text[5]!.slice(0, 40), ...text.slice(6)], held);
    expect(broken.findings.map((finding) => finding.kind)).toEqual(expect.arrayContaining(['UNPARSEABLE', 'DELETED']));
    for (const junk of ['null', '[]', '{}', '"', '{"type":"entry"}', '{"type":"checkpoint","size":-1}', '\0']) {
      expect((await verifyLog([...text.slice(0, 5), junk, ...text.slice(5)], held)).ok).toBe(false);
    }
    expect((await verifyLog([], held)).ok).toBe(false);
  });

  test('a checkpoint of another tenant or key that is held against it', async () => {
    const foreign = sampleLog([4], newSigner()).checkpoints;
    expect((await verify(log.lines, foreign)).findings.map((finding) => finding.kind)).toContain('BAD_SIGNATURE');
    expect((await verify(log.lines, [{ ...older!, tenant: 'x' }])).ok).toBe(false);
  });
});

test('the verifier imports nothing but Node and files that import nothing else', () => {
  const seen = new Set<string>();
  const walk = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(new URL(`../../src/audit/${file}`, import.meta.url), 'utf8');
    for (const [, from] of text.matchAll(/from '([^']+)'/g)) {
      if (from!.startsWith('./')) walk(from!.slice(2));
      else expect(from).toMatch(/^node:/);
    }
  };
  walk('verifier.ts');
  expect(seen.size).toBeGreaterThan(5);
});
