import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../src/audit/canonical.ts';
import type { EntryLine, LogLine } from '../../src/audit/log-format.ts';
import { leafHash } from '../../src/audit/merkle.ts';
import { verifyLog } from '../../src/audit/verifier.ts';
import { newSigner, resealed, sampleBody, sampleLog, textOf } from './sample-log.ts';

const RUNS = process.env['HABEAS_LONG'] === '1' ? 1000 : 50;
const signer = newSigner();
const BATCHES = [13, 8, 21, 10, 5];
const log = sampleLog(BATCHES, signer);
const bodies = log.entries.map((entry) => entry.body!);

type Tamper = (a: number, b: number, text: string) => string[];

const lines = (entries: EntryLine[]): LogLine[] => {
  const others = log.lines.filter((line) => line.type !== 'entry');
  const all: LogLine[] = [others[0]!, ...entries, ...others.slice(1)];
  return all.map((line) => (line.type === 'end' ? { ...line, sealed: entries.length } : line));
};

const editOf = (body: string, text: string) => canonicalJson({ ...(JSON.parse(body) as object), act: `x${text}` });

function rehashed(entry: EntryLine, body: string): EntryLine {
  return { ...entry, id: (JSON.parse(body) as { id: string }).id, body, leafHash: leafHash(body).toString('hex') };
}

const renumbered = (entries: EntryLine[]) => entries.map((entry, leafIndex) => ({ ...entry, leafIndex }));

/** Each changes entry `a` (or the place `a`), which the held checkpoint covers; `b` is another one. */
const TAMPERS: Record<string, Tamper> = {
  edit: (a, _, text) => textOf(lines(log.entries.with(a, { ...log.entries[a]!, body: editOf(bodies[a]!, text) }))),
  'edit and hash': (a, _, text) => textOf(lines(log.entries.with(a, rehashed(log.entries[a]!, editOf(bodies[a]!, text))))),
  delete: (a) => textOf(lines(log.entries.toSpliced(a, 1))),
  'delete and renumber': (a) => textOf(lines(renumbered(log.entries.toSpliced(a, 1)))),
  swap: (a, b) => textOf(lines(log.entries.with(a, log.entries[b]!).with(b, log.entries[a]!))),
  'swap and renumber': (a, b) => textOf(lines(renumbered(log.entries.with(a, log.entries[b]!).with(b, log.entries[a]!)))),
  insert: (a) => textOf(lines(log.entries.toSpliced(a, 0, rehashed(log.entries[a]!, sampleBody(a))))),
  'insert and renumber': (a) => textOf(lines(renumbered(log.entries.toSpliced(a, 0, rehashed(log.entries[a]!, sampleBody(a)))))),
  'cut the tail': (a) => textOf(lines(log.entries.slice(0, a))),
  'cut the tail and its checkpoints': (a) => {
    const cut = lines(log.entries.slice(0, a)).filter((line) => line.type !== 'checkpoint' || line.size <= a);
    const checkpoints = cut.filter((line) => line.type === 'checkpoint').length;
    return textOf(cut.map((line) => (line.type === 'end' ? { ...line, checkpoints } : line)));
  },
  'edit and make everything anew with the stolen key': (a, _, text) =>
    textOf(resealed(bodies.with(a, editOf(bodies[a]!, text)), BATCHES, signer).lines),
  'edit and make everything anew with another key': (a, _, text) =>
    textOf(resealed(bodies.with(a, editOf(bodies[a]!, text)), BATCHES, newSigner()).lines),
  'delete and make everything anew': (a) => textOf(resealed(bodies.toSpliced(a, 1), [...BATCHES.slice(0, -1), 4], signer).lines),
  'swap and make everything anew': (a, b) =>
    textOf(resealed(bodies.with(a, bodies[b]!).with(b, bodies[a]!), BATCHES, signer).lines),
  'break a line': (a, b) => textOf(log.lines).map((line, nth) => (nth === a + 1 ? line.slice(0, b + 20) : line)),
  'flip a character': (a, b) => {
    const text = textOf(log.lines);
    const line = text[a + 1]!;
    const at = b % line.length;
    return text.with(a + 1, line.slice(0, at) + (line[at] === 'a' ? 'b' : 'a') + line.slice(at + 1));
  },
};

/** What names the entry itself, whatever else was done to cover it up. */
const NAMING = ['edit', 'edit and hash', 'swap', 'swap and renumber', 'insert', 'insert and renumber'];

test(`${RUNS} random changes to an exported log are all found from one older checkpoint`, async () => {
  const cases = fc.record({
    kind: fc.constantFrom(...Object.keys(TAMPERS)),
    held: fc.integer({ min: 0, max: BATCHES.length - 1 }),
    a: fc.nat(),
    b: fc.nat(),
    text: fc.string({ maxLength: 5 }),
  });
  // On a failure fast-check prints the seed and the path that bring the case back.
  await fc.assert(
    fc.asyncProperty(cases, async ({ kind, held, a, b, text }) => {
      const checkpoint = log.checkpoints[held]!;
      const at = a % checkpoint.size;
      const other = (at + 1 + (b % (bodies.length - 1))) % bodies.length;
      const report = await verifyLog(TAMPERS[kind]!(at, other, text), [checkpoint], { publicKey: signer.publicKey });
      expect(report.ok).toBe(false);
      expect(report.findings.length).toBeGreaterThan(0);
      const named = report.findings.map((finding) => finding.entryId ?? finding.leafIndex);
      if (NAMING.slice(0, 4).includes(kind)) expect(named).toContain(log.entries[at]!.id);
      if (kind.startsWith('insert')) expect(report.findings.map((finding) => finding.kind)).toEqual(['INSERTED']);
      if (kind === 'delete' || kind === 'delete and renumber') expect(named).toEqual([at]);
    }),
    { numRuns: RUNS },
  );
});

test('any change to any part of the log but its blank lines is found, whichever line and character', async () => {
  const text = textOf(log.lines);
  const seed = { line: fc.nat({ max: text.length - 1 }), at: fc.nat(), by: fc.integer({ min: 1, max: 25 }) };
  await fc.assert(
    fc.asyncProperty(fc.record(seed), async ({ line, at, by }) => {
      // The two entries that wait, at the end, are sealed by nothing yet.
      fc.pre(!text[line]!.includes('"unsealed","id"'));
      const old = text[line]!;
      const place = at % old.length;
      const character = String.fromCharCode(97 + ((old.charCodeAt(place) + by) % 26));
      fc.pre(character !== old[place]);
      const lied = text.with(line, old.slice(0, place) + character + old.slice(place + 1));
      const report = await verifyLog(lied, log.checkpoints.slice(-1), { publicKey: signer.publicKey });
      expect(report.ok).toBe(false);
    }),
    { numRuns: RUNS },
  );
});
