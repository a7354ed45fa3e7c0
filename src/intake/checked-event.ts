import { parseRecord } from './parse-record.ts';
import type { Position, RawRecord, SourceEvent } from './records.ts';

type RecordEvent = Extract<SourceEvent, { kind: 'record' }>;

/** A record, completed and checked; or, where it breaks a bound of the native types, a counted skip that names the field and quotes nothing. */
export function recordEvent(raw: RawRecord, at: Position, content?: RecordEvent['content']): SourceEvent {
  const parsed = parseRecord(raw);
  if ('problem' in parsed) return { kind: 'skipped', at, what: raw.type, reason: parsed.problem };
  return content && content.size > 0 ? { kind: 'record', at, ...parsed, content } : { kind: 'record', at, ...parsed };
}

/** One warning for each NUL of a text: the record itself will hold U+FFFD in its place. `lineOf` gives its line, where the text spans several. */
export function* nulWarnings(text: string, at: Position, lineOf?: (index: number) => number): Generator<SourceEvent> {
  for (let nul = text.indexOf('\0'); nul !== -1; nul = text.indexOf('\0', nul + 1)) {
    const where = lineOf ? { ...at, line: lineOf(nul) } : at;
    yield { kind: 'warning', at: where, message: 'A NUL character was replaced by U+FFFD.' };
  }
}

export function lineFeeds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
