import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { Refusal } from '../errors.ts';
import type { ReadPiece, Said } from './ndjson-lines.ts';
import { openReader, type Reader } from './ndjson-reader.ts';
import { NATIVE_SCHEMA } from './ndjson-schema.ts';
import type { Importer, IntakeRecord, Position, SourceEvent } from './records.ts';
import { pieces } from './source-text.ts';
import { openSource, type Source, type SourceFile } from './source.ts';

/** How many bytes are read between two words on the progress. */
const PROGRESS_STEP = 1 << 20;
/** So many pieces are on their way through the reader at most, and so many bytes: a long line is alone. */
const AHEAD = 4;
const AHEAD_BYTES = 1 << 20;

/** Reads native NDJSON (docs/ndjson.md): one file, or all `.ndjson` and `.jsonl` files of a folder or a zip in the order of their names. */
export const importNdjson: Importer = async function* (path) {
  const source = await openSource(path);
  let reader: Reader | undefined;
  try {
    const files = source.isSingle ? source.files : source.files.filter((file) => /\.(?:ndjson|jsonl)$/i.test(file.path));
    if (files.length === 0) throw new Refusal('INVALID_INPUT', 'There is no .ndjson file in it.');
    const total = files.reduce((sum, file) => sum + file.size, 0);
    reader = openReader(total);
    let done = 0;
    for (const file of files) {
      let told = done;
      let linesBefore = 0;
      for await (const { bytes, read } of readAhead(file, reader)) {
        for (const said of read.said) {
          // Almost all are: without a generator for each.
          if (said.kind === 'record' && !hasContent(said.record)) {
            yield { kind: 'record', at: { file: file.path, line: linesBefore + said.line }, record: said.record };
          } else yield* tell(source, file, said, linesBefore);
        }
        linesBefore += read.lines;
        done += bytes;
        if (done - told < PROGRESS_STEP) continue;
        told = done;
        yield { kind: 'progress', done, total };
      }
      yield { kind: 'progress', done, total };
    }
  } finally {
    await reader?.close();
    await source.close();
  }
};

/** What the pieces of a file say, in their order. Where it cannot be read to its end, what was asked before is told first. */
async function* readAhead(file: SourceFile, reader: Reader): AsyncGenerator<{ bytes: number; read: ReadPiece }> {
  const asked: { bytes: number; read: Promise<ReadPiece> }[] = [];
  let bytesAsked = 0;
  const next = async (): Promise<{ bytes: number; read: ReadPiece }> => {
    const { bytes, read } = asked.shift()!;
    bytesAsked -= bytes;
    return { bytes, read: await read };
  };
  let failure: unknown;
  try {
    for await (const piece of pieces(file)) {
      const { bytes } = piece;
      while (asked.length >= AHEAD || (asked.length > 0 && bytesAsked + bytes > AHEAD_BYTES)) yield await next();
      const read = reader.read(piece);
      // It is awaited later, and must not count as unhandled until then.
      read.catch(() => undefined);
      asked.push({ bytes, read });
      bytesAsked += bytes;
    }
  } catch (error) {
    failure = error;
  }
  while (asked.length) yield await next();
  if (failure) throw failure;
}

/** Whether it may hold attachments whose content lies in the source. */
const hasContent = (record: IntakeRecord): boolean => record.type === 'message' && record.attachments.length > 0;

async function* tell(source: Source, file: SourceFile, said: Said, linesBefore: number): AsyncGenerator<SourceEvent> {
  const at: Position = { file: file.path, line: linesBefore + said.line };
  if (said.kind === 'header') yield* tellHeader(said.isKnown, at);
  else if (said.kind === 'warning') yield { kind: 'warning', at, message: said.message };
  else if (said.kind === 'skipped') yield { kind: 'skipped', at, what: said.what, reason: said.reason };
  else {
    const { record } = said;
    const content = new Map<string, () => Promise<Readable>>();
    yield* findContent(source, file, record, at, content);
    yield content.size > 0 ? { kind: 'record', at, record, content } : { kind: 'record', at, record };
  }
}

function* tellHeader(isKnown: boolean, at: Position): Generator<SourceEvent> {
  if (at.line !== 1) return yield { kind: 'skipped', at, what: 'header', reason: 'a header may only be the first line' };
  if (!isKnown)
    throw new Refusal(
      'INVALID_INPUT',
      `${at.file}, line 1: the header names no schema that is known here; this version reads ${NATIVE_SCHEMA}.`,
    );
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
