import type { BatchLoad } from '../../scope/context.ts';
import type { Session } from '../../scope/in-scope.ts';
import { fewIds, shareable } from '../../scope/shared-reads.ts';
import { direction, loadPages, within, type Window } from '../page.ts';
import type { Conversation, Participant } from './conversation.entity.ts';

const COLUMNS = `id, app_id as "appId", kind, created_at as "createdAt", archived_at as "archivedAt", external_id as "sealedExternalId", name as "sealedName"`;

/** Opens conversations to a person's own token; those they never took part in stay closed. Wider scopes see theirs without. */
export async function enterConversations({ db, scope }: Session, ids: readonly string[]): Promise<void> {
  if (scope.level === 'user' && ids.length) await db.query('select enter_conversations($1)', [ids]);
}

/** Opens all conversations of the person whose token it is, where one must be found that no row open so far names. */
export async function enterOwnConversations({ db, scope }: Session): Promise<void> {
  if (scope.level !== 'user') return;
  await db.query(
    'select enter_conversations(array(select conversation_id from participants where tenant_id = $1 and user_id = $2))',
    [scope.tenantId, scope.userId],
  );
}

export const loadConversations = shareable<Conversation>(fewIds, async (session, ids) => {
  await enterConversations(session, ids);
  const { db, scope } = session;
  const rows = (await db.query(`select ${COLUMNS} from conversations where tenant_id = $1 and id = any ($2)`, [
    scope.tenantId,
    ids,
  ])) as Conversation[];
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => found.get(id));
});

/** The ids of a page of all conversations in scope; of a person's own token, of those they take or took part in. */
export async function pageOfConversations({ db, scope }: Session, window: Window): Promise<string[]> {
  const own = scope.level === 'user';
  const rows = (await db.query(
    own
      ? `select conversation_id as id from participants where tenant_id = $1 and user_id = $5 and ${within(window, 'conversation_id', 2)}
           order by 1 ${direction(window)} limit $4`
      : `select id from conversations where tenant_id = $1 and ${within(window, 'id', 2)} order by 1 ${direction(window)} limit $4`,
    [scope.tenantId, window.lower, window.upper, window.limit, ...(own ? [scope.userId] : [])],
  )) as { id: string }[];
  return rows.map((row) => row.id);
}

/** Pages of the ids of conversations that people take or took part in, by person. */
export const loadConversationPages: BatchLoad<string[]> = async ({ db, scope }, keys) => {
  const pages = await loadPages<{ id: string }>(
    keys,
    async (people, window) =>
      (await db.query(
        `select parent.id as parent, p.id from unnest($2::uuid[]) as parent (id) cross join lateral (
           select conversation_id as id from participants where tenant_id = $1 and user_id = parent.id and ${within(window, 'conversation_id', 3)}
           order by conversation_id ${direction(window)} limit $5) p`,
        [scope.tenantId, people, window.lower, window.upper, window.limit],
      )) as { id: string; parent: string }[],
    (row) => row.id,
  );
  return pages.map((page) => page.map((row) => row.id));
};

/** When a person who left had a part in a conversation (`me`, their own participation): rows of a time outside are not for their token. */
export const tookPart = (me: string, at: string): string =>
  `(${me}.left_at is null or ${at} <= ${me}.left_at or (${me}.joined_at > ${me}.left_at and ${at} >= ${me}.joined_at))`;

/** Pages of participants, by conversation; whoever left one does not learn with their token who joined it after. */
export const loadParticipantPages: BatchLoad<Participant[]> = async ({ db, scope }, keys) => {
  const own = scope.level === 'user';
  const known = own
    ? `and exists (select 1 from participants me where me.tenant_id = $1 and me.conversation_id = p.conversation_id and me.user_id = $6 and (p.joined_at is null or ${tookPart('me', 'p.joined_at')}))`
    : '';
  return loadPages<Participant>(
    keys,
    async (conversations, window) =>
      (await db.query(
        `select p.* from unnest($2::uuid[]) as parent (id) cross join lateral (
           select p.conversation_id as parent, p.conversation_id as "conversationId", p.user_id as "userId", p.role, p.joined_at as "joinedAt", p.left_at as "leftAt"
           from participants p where p.tenant_id = $1 and p.conversation_id = parent.id and ${within(window, 'p.user_id', 3)} ${known}
           order by p.user_id limit $5) p`,
        [scope.tenantId, conversations, window.lower, window.upper, window.limit, ...(own ? [scope.userId] : [])],
      )) as (Participant & { parent: string })[],
    (row) => row.userId,
  );
};
