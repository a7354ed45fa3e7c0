import type { z } from 'zod';
import { isTooDeep } from './bounded-json.ts';
import { recordSchema, type IntakeRecord } from './records.ts';

/** A record completed and checked, or what is wrong with it: the field and the rule, never the value, which may be personal. */
export type Parsed = { record: IntakeRecord } | { problem: string };

export function parseRecord(raw: unknown): Parsed {
  if (isTooDeep(raw)) return { problem: 'the record: nested too deeply' };
  const parsed = recordSchema.safeParse(raw);
  return parsed.success ? { record: parsed.data } : { problem: problemOf(parsed.error) };
}

function problemOf(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue) return 'not a record';
  const field = issue.path.map(String).join('.') || 'the record';
  // The name of an unknown field could be anything: a person's address used as a key, say.
  const rule = issue.code === 'unrecognized_keys' ? `${issue.keys.length} field(s) that are not in the schema` : issue.message;
  return `${field}: ${rule}`;
}
