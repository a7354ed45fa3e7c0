import { place } from '../../data/place.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import { unsealText } from '../../keys/sealed-value.ts';
import type { Session } from '../../scope/in-scope.ts';

/** The names that people and conversations have on their platform, by our ids; an absent one was erased. */
export interface Names {
  users(session: Session, ids: Iterable<string | null>): Promise<void>;
  conversations(session: Session, ids: Iterable<string | null>): Promise<void>;
  /** Of what was asked for before. */
  user(id: string | null): string | undefined;
  conversation(id: string | null): string | undefined;
}

const KEPT = 50_000;

/** Keeps names from page to page, within bounds: the same people write most of the messages. */
export function openNames(): Names {
  const users = new Map<string, string>();
  const conversations = new Map<string, string>();
  return {
    users: (session, ids) => learn(session, users, 'users', ids),
    conversations: (session, ids) => learn(session, conversations, 'conversations', ids),
    user: (id) => (id === null ? undefined : users.get(id)),
    conversation: (id) => (id === null ? undefined : conversations.get(id)),
  };
}

async function learn(
  { db, scope, system }: Session,
  known: Map<string, string>,
  table: 'users' | 'conversations',
  ids: Iterable<string | null>,
): Promise<void> {
  const wanted = [...new Set(ids)].filter((id): id is string => id !== null);
  if (known.size + wanted.length > KEPT) known.clear();
  const fresh = wanted.filter((id) => !known.has(id));
  if (!fresh.length) return;
  const alive = table === 'users' ? 'and erased_at is null' : '';
  const rows = (await db.query(`select id, external_id as sealed from ${table} where tenant_id = $1 and id = any ($2) ${alive}`, [
    scope.tenantId,
    fresh,
  ])) as { id: string; sealed: Buffer }[];
  const keys = await subjectKeys(
    system.keys,
    db,
    scope.tenantId,
    rows.map((row) => row.id),
  );
  for (const { id, sealed } of rows) {
    const key = keys.get(id);
    if (key) known.set(id, unsealText(key, place(scope.tenantId, id, `${table}.external_id`, id), sealed));
  }
}
