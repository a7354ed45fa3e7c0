import { canonicalJson } from './canonical.ts';
import type { Db } from '../database/db.ts';

/** One act on personal data. Ids and counts only, never content: entries outlive the erasure of what they speak of. */
export interface AuditEntry {
  /** UUIDv7. */
  id: string;
  tenantId: string;
  /** ISO 8601; recorded in milliseconds and UTC. */
  at: string;
  actor: { key: string; subject?: string; scope: 'user' | 'app' | 'tenant' | 'provider' | 'system'; app?: string; user?: string };
  /** Noun and verb: `message.read`, `erasure.requested`. */
  act: string;
  outcome: 'DONE' | 'DENIED' | 'FAILED';
  requestId?: string;
  targets: Record<string, unknown>;
}

/** Writes one entry. If this throws, the act that it speaks of must fail too. */
export async function record(db: Db, entry: AuditEntry): Promise<void> {
  await recordAll(db, [entry]);
}

/**
 * Writes entries of one tenant in one statement, each with its row in audit_pending, which says that no tree holds it yet. The body is
 * what is hashed; the columns are read out of it by PostgreSQL, for queries.
 */
export async function recordAll(db: Db, entries: readonly AuditEntry[]): Promise<void> {
  if (!entries[0]) return;
  await db.query(
    `with entry as (
       select body, body::jsonb as it from string_to_table($2, e'\\n') as body
     ), waiting as (
       insert into audit_pending (tenant_id, entry_id) select $1::uuid, (it->>'id')::uuid from entry
     )
     insert into audit_entries (tenant_id, id, at, actor_key, actor_subject, actor_scope, actor_app, actor_user,
                                act, outcome, request_id, targets, body)
     select $1::uuid, (it->>'id')::uuid, (it->>'at')::timestamptz, it->'actor'->>'key', it->'actor'->>'subject',
            it->'actor'->>'scope', it->'actor'->>'app', it->'actor'->>'user',
            it->>'act', it->>'outcome', it->>'requestId', it->'targets', body
     from entry`,
    // No text of JSON holds the end of a line: an array would have every quote in it escaped.
    [entries[0].tenantId, entries.map(bodyOf).join('\n')],
  );
}

function bodyOf(entry: AuditEntry): string {
  const told = { ...entry, at: new Date(entry.at).toISOString() };
  const body = canonicalJson(told);
  return UNSTORABLE.test(body) ? canonicalJson(storable(told)) : body;
}

/** How JSON.stringify writes NUL and the half of a pair; or a text that looks like it. */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/;

/** PostgreSQL refuses NUL and lone surrogates, and a caller must not be able to make an act unrecordable with a token's text. */
function storable(value: unknown): unknown {
  if (typeof value === 'string')
    return value.isWellFormed() && !value.includes('\0') ? value : value.toWellFormed().replaceAll('\0', '\ufffd');
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [storable(key), storable(member)]));
}
