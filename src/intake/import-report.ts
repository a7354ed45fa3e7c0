import type { IngestCount } from './ingest-outcome.ts';
import type { Position } from './records.ts';

/** How many skips and warnings a report shows one by one; all of them are counted. */
const SHOWN = 100;

export interface ImportSkip extends Position {
  what: string;
  reason: string;
}
export interface ImportWarning extends Position {
  message: string;
}

/** What one import did. Quotes no personal data, so it may be kept, mailed and logged. */
export interface ImportReport {
  /** As the audit log names it. */
  importId: string;
  dryRun: boolean;
  /** Records read from the source, skipped ones included. */
  records: number;
  counts: IngestCount[];
  skipped: { total: number; reasons: { what: string; reason: string; count: number }[]; first: ImportSkip[] };
  /** Copies of personal data and credentials that were left out on purpose. */
  dropped: { what: string; count: number }[];
  warnings: { total: number; first: ImportWarning[] };
  seconds: number;
}

export function newReport(importId: string, dryRun: boolean): ImportReport {
  const skipped = { total: 0, reasons: [], first: [] };
  return { importId, dryRun, records: 0, counts: [], skipped, dropped: [], warnings: { total: 0, first: [] }, seconds: 0 };
}

export function noteSkip({ skipped }: ImportReport, at: Position, what: string, reason: string): void {
  skipped.total += 1;
  if (skipped.first.length < SHOWN) skipped.first.push({ ...at, what, reason });
  const known = skipped.reasons.find((one) => one.what === what && one.reason === reason);
  if (known) known.count += 1;
  // A reason may name a column of the line it is about: they must not pile up without bound.
  else if (skipped.reasons.length < 10 * SHOWN) skipped.reasons.push({ what, reason, count: 1 });
}

export function noteWarning({ warnings }: ImportReport, at: Position, message: string): void {
  warnings.total += 1;
  if (warnings.first.length < SHOWN) warnings.first.push({ ...at, message });
}

/** `file:line`, or the element of a JSON array, as people look it up. */
export function showPosition({ file, line, item }: Position): string {
  if (line !== undefined) return `${file}:${line}`;
  return item === undefined ? file : `${file}, element ${item}`;
}
