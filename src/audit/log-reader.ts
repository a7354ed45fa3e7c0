import { parseCheckpoint } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { Findings } from './findings.ts';
import { leafHash } from './merkle.ts';
import { LOG_SCHEMA } from './log-format.ts';

/** One entry as the log shows it. Bodies are hashed and let go of, so that millions of entries fit. */
export interface LoggedEntry {
  id: string;
  /** The hash of the body, hex; undefined where the body is gone. */
  hash: string | undefined;
  /** What the log claims of a sealed entry. */
  leafIndex: number;
  stored: string;
}

export interface UnsealedEntry {
  id: string;
  hash: string | undefined;
  waiting: boolean;
}

export interface Log {
  tenant: string | undefined;
  publicKey: string | undefined;
  sealed: LoggedEntry[];
  unsealed: UnsealedEntry[];
  checkpoints: Checkpoint[];
  /** Entries whose columns, ids or tenant are not what their body says; shown after what the hashes tell. */
  findings: Findings;
}

type Fields = Record<string, unknown>;

/** Reads an exported log line by line; whatever is not a line of one becomes a finding. */
export async function readLog(lines: AsyncIterable<string> | Iterable<string>): Promise<Log> {
  const findings = new Findings();
  const log: Log = { tenant: undefined, publicKey: undefined, sealed: [], unsealed: [], checkpoints: [], findings };
  let number = 0;
  let end: Fields | undefined;
  for await (const text of lines) {
    number += 1;
    if (text === '') continue;
    const line = parseObject(text);
    if (end) findings.add('UNPARSEABLE', `Line ${number} comes after the end of the log.`);
    if (number === 1 && line?.type !== 'header') findings.add('UNPARSEABLE', 'The log does not start with a header.');
    if (line?.type === 'end') end = line;
    else if (!line || !takeLine(log, line, number)) findings.add('UNPARSEABLE', `Line ${number} is not a line of an audit log.`);
  }
  if (!end) findings.add('TRUNCATED', 'The log has no end line: it was cut, or its export did not finish.');
  else if (
    end.sealed !== log.sealed.length ||
    end.unsealed !== log.unsealed.length ||
    end.checkpoints !== log.checkpoints.length
  ) {
    findings.add('INCONSISTENT', 'The counts on the end line are not those of the log.');
  }
  return log;
}

function takeLine(log: Log, line: Fields, number: number): boolean {
  if (line.type === 'header') {
    if (number !== 1 || line.schema !== LOG_SCHEMA || typeof line.tenant !== 'string') return false;
    if (line.publicKey !== null && typeof line.publicKey !== 'string') return false;
    log.tenant = line.tenant;
    if (typeof line.publicKey === 'string') log.publicKey = line.publicKey;
    return true;
  }
  if (line.type === 'checkpoint') {
    const checkpoint = parseCheckpoint(line);
    if (checkpoint) log.checkpoints.push(checkpoint);
    return checkpoint !== undefined;
  }
  const { id, body } = line;
  if (typeof id !== 'string' || (typeof body !== 'string' && body !== null)) return false;
  const hash = body === null ? undefined : leafHash(body).toString('hex');
  if (line.type === 'entry') {
    const { leafIndex, leafHash: stored } = line;
    if (!Number.isSafeInteger(leafIndex) || typeof stored !== 'string') return false;
    // One string for both where they agree: half the memory.
    log.sealed.push({ id, hash, leafIndex: leafIndex as number, stored: stored === hash ? hash : stored });
    checkBody(log, line, id, body, leafIndex as number);
    return true;
  }
  if (line.type !== 'unsealed' || typeof line.waiting !== 'boolean') return false;
  log.unsealed.push({ id, hash, waiting: line.waiting });
  checkBody(log, line, id, body);
  return true;
}

/** The hash speaks for the body only; here is what else of a row could have been changed. */
function checkBody(log: Log, line: Fields, id: string, body: string | null, leafIndex?: number): void {
  if (body === null) return;
  const at = leafIndex === undefined ? { id } : { id, leafIndex };
  const entry = parseObject(body);
  if (!entry) log.findings.add('EDITED', 'What was recorded is not JSON.', at);
  else if (entry.id !== id) log.findings.add('EDITED', `The row says ${id}, what was recorded says ${String(entry.id)}.`, at);
  else if (entry.tenantId !== log.tenant) log.findings.add('INSERTED', 'The entry is of another tenant.', at);
  if ('columns' in line) log.findings.add('EDITED', 'The columns of the entry are not what was recorded and hashed.', at);
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}
