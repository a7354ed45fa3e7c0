import type { CONVERSATION_KINDS, RawRecord } from '../../intake/records.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import { isoTime, toIso } from './iso-time.ts';
import { grouped, opener, present, type Records } from './app-walk.ts';

interface ConversationRow {
  id: string;
  kind: (typeof CONVERSATION_KINDS)[number];
  externalId: Buffer;
  name: Buffer | null;
  createdAt: string | null;
  archivedAt: string | null;
}
interface ParticipantRow {
  conversationId: string;
  userId: string;
  role: string | null;
  joinedAt: string | null;
  leftAt: string | null;
}

/** How many participants stand in the conversation's own record; the others follow in records of their own. */
const INSIDE = 1000;

/** Conversations with who takes part. Of a personal one the customer comes first: whoever reads it back takes the first end user for them. */
export const CONVERSATIONS: Records<ConversationRow> = {
  read: async ({ db, scope }, { appId }, after) =>
    (await db.query(
      `select id, kind, external_id as "externalId", name, ${isoTime('created_at')} as "createdAt", ${isoTime('archived_at')} as "archivedAt"
       from conversations where tenant_id = $1 and app_id = $2 and id > $3 order by id limit 100`,
      [scope.tenantId, appId, after],
    )) as ConversationRow[],
  tell: async (session, walk, rows) => {
    const { db, scope, system } = session;
    const ids = rows.map((row) => row.id);
    const open = opener(scope.tenantId, await subjectKeys(system.keys, db, scope.tenantId, ids));
    const participants = (await db.query(
      `select p.conversation_id as "conversationId", p.user_id as "userId", p.role, ${isoTime('p.joined_at')} as "joinedAt", ${isoTime('p.left_at')} as "leftAt"
       from participants p join conversations c on c.tenant_id = p.tenant_id and c.id = p.conversation_id
       where p.tenant_id = $1 and p.conversation_id = any ($2) order by p.conversation_id, p.user_id is distinct from c.subject_id, p.user_id`,
      [scope.tenantId, ids],
    )) as ParticipantRow[];
    await walk.names.users(
      session,
      participants.map((row) => row.userId),
    );
    const inside = grouped(participants, (row) => row.conversationId);
    return rows.flatMap((row) => {
      const externalId = open(row.id, 'conversations.external_id', row.id, row.externalId);
      if (externalId === undefined) return [];
      const people = (inside.get(row.id) ?? []).flatMap(({ userId, role, joinedAt, leftAt }) => {
        const user = walk.names.user(userId);
        return user === undefined ? [] : [present({ user, role, joinedAt: toIso(joinedAt), leftAt: toIso(leftAt) })];
      });
      const record = present({
        type: 'conversation' as const,
        externalId,
        kind: row.kind,
        name: open(row.id, 'conversations.name', row.id, row.name),
        createdAt: toIso(row.createdAt),
        archivedAt: toIso(row.archivedAt),
        participants: people.slice(0, INSIDE),
      });
      const further = people.slice(INSIDE).map((one) => ({ type: 'participant' as const, conversation: externalId, ...one }));
      return [record, ...further] as RawRecord[];
    });
  },
};
