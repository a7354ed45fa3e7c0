import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { Refusal } from '../errors.ts';
import { parseBounded } from './bounded-json.ts';
import { jsonErrorOffset } from './json-position.ts';
import { asText, isLoose } from './loose.ts';
import { headerSchema, NATIVE_SCHEMA } from './ndjson-schema.ts';
import { parseRecord } from './parse-record.ts';
import { recordSchema, type Importer, type IntakeRecord, type Position, type SourceEvent } from './records.ts';
import { lines, type Line } from './source-text.ts';
import { openSource, type Source, type SourceFile } from './source.ts';

const TYPES: ReadonlySet<string> = new Set(recordSchema.options.map((option) => option.shape.type.value));
/** How many bytes are read between two words on the progress. */
const PROGRESS_STEP = 1 << 20;

/** Reads native NDJSON (docs/ndjson.md): one file, or all `.ndjson` and `.jsonl` files of a folder or a zip in the order of their names. */
export const importNdjson: Importer = async function* (path) {
  const source = await openSource(path);
  try {
    const files = source.isSingle ? source.files : source.files.filter((file) => /\.(?:ndjson|jsonl)$/i.test(file.path));
    if (files.length === 0) throw new Refusal('INVALID_INPUT', 'There is no .ndjson file in it.');
    const total = files.reduce((sum, file) => sum + file.size, 0);
    let done = 0;
    for (const file of files) {
      let told = done;
      for await (const line of lines(file)) {
        yield* readLine(source, file, line);
        done += line.bytes;
        if (done - told < PROGRESS_STEP) continue;
        told = done;
        yield { kind: 'progress', done, total };
      }
      yield { kind: 'progress', done, total };
    }
  } finally {
    await source.close();
  }
};

async function* readLine(source: Source, file: SourceFile, { line, text, flaw }: Line): AsyncGenerator<SourceEvent> {
  const at: Position = { file: file.path, line };
  const skipped = (what: string, reason: string): SourceEvent => ({ kind: 'skipped', at, what, reason });
  if (flaw === 'TOO_LONG') return yield skipped('line', 'the line is longer than 32 MB');
  if (text.trim() === '') return;
  if (flaw === 'NOT_UTF8') yield { kind: 'warning', at, message: 'Bytes that are not UTF-8 were replaced by U+FFFD.' };
  const read = parseBounded(text);
  if ('fault' in read)
    return yield skipped('line', read.malformed ? `${read.fault} at column ${jsonErrorOffset(text) + 1}` : read.fault);
  const raw = read.value;
  if (!isLoose(raw)) return yield skipped('line', 'not a JSON object');
  if (raw.type === 'header') return yield* readHeader(raw, at);
  const parsed = parseRecord(raw);
  if ('problem' in parsed) {
    // An unknown type is not repeated: it could be anything.
    const type = asText(raw.type);
    return yield skipped(type !== undefined && TYPES.has(type) ? type : 'line', parsed.problem);
  }
  if (hasNul(text)) yield { kind: 'warning', at, message: 'A NUL character was replaced by U+FFFD.' };
  const content = new Map<string, () => Promise<Readable>>();
  yield* findContent(source, file, parsed.record, at, content);
  yield content.size > 0 ? { kind: 'record', at, record: parsed.record, content } : { kind: 'record', at, record: parsed.record };
}

/** Whether a NUL is written in it. One expression for it would exhaust the stack on megabytes of backslashes. */
function hasNul(text: string): boolean {
  for (let at = text.indexOf('\\u0000'); at !== -1; at = text.indexOf('\\u0000', at + 1)) {
    let start = at;
    while (text[start - 1] === '\\') start -= 1;
    if ((at - start) % 2 === 0) return true;
  }
  return false;
}

function* readHeader(raw: object, at: Position): Generator<SourceEvent> {
  if (at.line !== 1) return yield { kind: 'skipped', at, what: 'header', reason: 'a header may only be the first line' };
  if (!headerSchema.safeParse(raw).success) {
    throw new Refusal(
      'INVALID_INPUT',
      `${at.file}, line 1: the header names no schema that is known here; this version reads ${NATIVE_SCHEMA}.`,
    );
  }
}

/** Finds the contents of a message's attachments; what is missing or lies outside is a warning, and the attachment is held without content. */
async function* findContent(
  source: Source,
  file: SourceFile,
  record: IntakeRecord,
  at: Position,
  content: Map<string, () => Promise<Readable>>,
): AsyncGenerator<SourceEvent> {
  if (record.type !== 'message') return;
  for (const [index, { externalId, path }] of record.attachments.entries()) {
    if (path === undefined) continue;
    const found = await locate(source, file, path);
    if (typeof found === 'string')
      yield {
        kind: 'warning',
        at,
        message: `attachments.${index}.path: ${found}; the attachment is taken over without its content.`,
      };
    else content.set(externalId, () => found.open());
  }
}

async function locate(source: Source, file: SourceFile, path: string): Promise<SourceFile | string> {
  const inSource = posix.join(posix.dirname(file.path), path);
  if (path.startsWith('/') || path.includes('\\') || inSource === '..' || inSource.startsWith('../'))
    return 'leads out of the folder';
  try {
    return (await source.find(inSource)) ?? 'there is no such file';
  } catch (error) {
    if (error instanceof Refusal) return 'leads out of the folder';
    throw error;
  }
}
