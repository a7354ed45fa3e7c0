import { enterOwnRows } from '../../data/own-rows.ts';
import { tookPart } from '../../data/conversation/conversation.queries.ts';
import type { Session } from '../../scope/in-scope.ts';
import { FIRST_ID, PAGE, pages, type Walk } from './walk.ts';

interface Own {
  id: string;
  conversationId: string;
  replyToId: string | null;
}

const OF_OTHERS = `m.tenant_id = $1 and m.subject_id is distinct from $2 and m.kind <> 'TOMBSTONE'`;

/**
 * A person's own token reads of others (m) what they wrote while the person took part, in a package as anywhere else: row-level security opens
 * whole conversations only. An officer's or the integrator's package is not bound by it: they hand over what concerns the person.
 */
export const whilePartOf = ({ scope }: Session): string =>
  scope.userId
    ? `and (m.author_id = $2 or exists (select 1 from participants me where me.tenant_id = $1 and me.conversation_id = m.conversation_id and me.user_id = $2 and ${tookPart('me', 'm.sent_at')}))`
    : '';

/**
 * The messages of others that stand around the person's own in groups, oldest first: the threads of theirs, the message directly before
 * each of theirs, and those that mention them; and what they wrote themselves as somebody else's data (an agent to a customer). Ids only: 16
 * bytes and some for each, the one part of a package that grows in memory.
 */
export async function surroundingIds(walk: Walk, full: boolean): Promise<string[]> {
  const found = new Set<string>();
  for await (const own of pages<Own>(walk, (session, last) => ownInGroups(session, walk.subjectId, last))) {
    for (const id of await around(walk, own)) found.add(id);
  }
  for await (const page of pages<{ id: string }>(walk, (session, last) => mentioning(session, walk.subjectId, last)))
    for (const { id } of page) found.add(id);
  for await (const page of pages<{ id: string }>(walk, (session, last) => written(session, walk.subjectId, last, full)))
    for (const { id } of page) found.add(id);
  return [...found].sort();
}

const ownInGroups = async ({ db, scope }: Session, subjectId: string, last: Own | undefined): Promise<Own[]> =>
  (await db.query(
    `select m.id, m.conversation_id as "conversationId", m.reply_to_id as "replyToId" from messages m
     join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id and c.kind in ('PRIVATE_GROUP', 'PUBLIC_GROUP')
     where m.tenant_id = $1 and m.subject_id = $2 and m.id > $3 order by m.id limit ${PAGE}`,
    [scope.tenantId, subjectId, last?.id ?? FIRST_ID],
  )) as Own[];

async function around(walk: Walk, own: readonly Own[]): Promise<string[]> {
  const ids = own.map(({ id }) => id);
  const parents = [...new Set(own.flatMap(({ replyToId }) => replyToId ?? []))];
  return walk.read(async (session) => {
    await enterOwnRows(session);
    const { db, scope } = session;
    const threads = (await db.query(
      `select m.id from messages m where ${OF_OTHERS} and (m.id = any ($3) or m.reply_to_id = any ($4)) ${whilePartOf(session)}`,
      [scope.tenantId, walk.subjectId, parents, [...parents, ...ids]],
    )) as { id: string }[];
    const before = (await db.query(
      `select m.id from unnest($3::uuid[], $4::uuid[]) as t (id, conversation_id)
       cross join lateral (select p.* from messages p where p.tenant_id = $1 and p.conversation_id = t.conversation_id and p.id < t.id order by p.id desc limit 1) m
       where ${OF_OTHERS} ${whilePartOf(session)}`,
      [scope.tenantId, walk.subjectId, ids, own.map(({ conversationId }) => conversationId)],
    )) as { id: string }[];
    return [...threads, ...before].map(({ id }) => id);
  });
}

/** In direct conversations, which are shown whole, they are there already. */
const mentioning = async (session: Session, subjectId: string, last: { id: string } | undefined): Promise<{ id: string }[]> =>
  (await session.db.query(
    `select m.id from mentions n join messages m on m.tenant_id = n.tenant_id and m.id = n.message_id
     join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id and c.kind in ('PRIVATE_GROUP', 'PUBLIC_GROUP')
     where n.tenant_id = $1 and n.user_id = $2 and n.message_id > $3 and ${OF_OTHERS} ${whilePartOf(session)} order by n.message_id limit ${PAGE}`,
    [session.scope.tenantId, subjectId, last?.id ?? FIRST_ID],
  )) as { id: string }[];

/** With `full` they are shown with the conversations they belong to. */
const written = async (
  { db, scope }: Session,
  subjectId: string,
  last: { id: string } | undefined,
  full: boolean,
): Promise<{ id: string }[]> =>
  (await db.query(
    `select m.id from messages m where m.tenant_id = $1 and m.author_id = $2 and m.author_id <> m.subject_id and m.kind <> 'TOMBSTONE' and m.id > $3
       and not ($4 and exists (select 1 from participants p where p.tenant_id = $1 and p.conversation_id = m.conversation_id and p.user_id = $2))
     order by m.id limit ${PAGE}`,
    [scope.tenantId, subjectId, last?.id ?? FIRST_ID, full],
  )) as { id: string }[];
