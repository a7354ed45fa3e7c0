import { enterOwnRows } from '../../data/own-rows.ts';
import type { Context } from './context.ts';
import { whilePartOf } from './context-ids.ts';
import { Others } from './package.options.ts';
import { type Walk } from './walk.ts';

/** Something a package leaves out or shows otherwise than it is held, and why. `count` is null where it is not counted. */
export interface Withheld {
  category: string;
  reason: 'RIGHTS_OF_OTHERS' | 'OUTSIDE_SCOPE' | 'NOT_ASKED_FOR' | 'NOT_SEARCHED';
  count: number | null;
  explanation: string;
}

/** What a package withheld, told once all of it is written. */
export async function listWithheld(walk: Walk, others: Others, context: Context | undefined): Promise<Withheld[]> {
  const list: Withheld[] = [];
  const add = (category: string, reason: Withheld['reason'], count: number | null, explanation: string): void => {
    if (count !== 0) list.push({ category, reason, count, explanation });
  };
  add(
    'names',
    'RIGHTS_OF_OTHERS',
    walk.people.pseudonyms(),
    'Other people, bots included, are shown under pseudonyms that are the same throughout this package and mean nothing in another.',
  );
  if (!context)
    add('context', 'NOT_ASKED_FOR', null, "Other people's messages around those of the person were not asked for (OWN).");
  if (context)
    add(
      'attachments',
      'RIGHTS_OF_OTHERS',
      context.attachments(),
      'Files that other people sent with the messages shown as context.',
    );
  if (context)
    add('reactions', 'RIGHTS_OF_OTHERS', null, "Other people's reactions, and the metadata of their messages, are theirs.");
  if (context)
    add(
      'context',
      'OUTSIDE_SCOPE',
      await unseenMentions(walk),
      'Messages that mention the person in conversations they take no part in, or of a time after they left: a user token does not reach them. Whoever runs the platform can hand them over.',
    );
  if (others !== Others.FULL)
    add(
      'messages',
      'RIGHTS_OF_OTHERS',
      await customersMessages(walk),
      'What customers wrote to the business in personal conversations that the person took part in for it.',
    );
  add(
    'messages',
    'NOT_SEARCHED',
    null,
    'Names and other details of people that somebody typed into a text are part of that text, and were neither searched for nor altered.',
  );
  return list;
}

async function unseenMentions(walk: Walk): Promise<number> {
  return walk.read(async (session) => {
    if (!session.scope.userId) return 0;
    await enterOwnRows(session);
    const [row] = (await session.db.query(
      `select count(*)::int as count from mentions n where n.tenant_id = $1 and n.user_id = $2 and not exists (select 1 from messages m where m.tenant_id = $1 and m.id = n.message_id ${whilePartOf(session)})`,
      [session.scope.tenantId, walk.subjectId],
    )) as { count: number }[];
    return row!.count;
  });
}

async function customersMessages(walk: Walk): Promise<number> {
  return walk.read(async (session) => {
    await enterOwnRows(session);
    const [row] = (await session.db.query(
      // Conversation by conversation: joined, all messages of the tenant were read.
      `select coalesce(sum(written.count), 0)::int as count
       from participants p join conversations c on c.tenant_id = p.tenant_id and c.id = p.conversation_id and c.kind = 'PERSONAL' and c.subject_id is distinct from $2
       cross join lateral (select count(*) as count from messages m where m.tenant_id = $1 and m.conversation_id = c.id and m.author_id is distinct from $2 and m.kind <> 'TOMBSTONE') written
       where p.tenant_id = $1 and p.user_id = $2`,
      [session.scope.tenantId, walk.subjectId],
    )) as { count: number }[];
    return row!.count;
  });
}
