import { enterOwnRows } from '../../data/own-rows.ts';
import { tookPart } from '../../data/conversation/conversation.queries.ts';
import { cellText, withoutCells, type CellPage, type Cells } from '../../artefacts/cells.ts';
import type { ExportColumn } from '../../data/holding.ts';
import { queryPacked, uuidsOf, uuidText, type PackedPage } from '../../database/packed.ts';
import type { Session } from '../../scope/in-scope.ts';
import { surroundingIds, whilePartOf } from './context-ids.ts';
import { KEY, openPage, type OpenedPage } from './open-page.ts';
import { pageSelect } from './page-select.ts';
import { FIRST_ID, openedPages, PAGE, pages, type ReadPage, type Section, type Walk } from './walk.ts';

/** What a package shows of the conversations around the person's own words, and what it leaves out of them. */
export interface Context {
  sections: Section[];
  /** Everybody whose words are shown. */
  authors: Set<string>;
  /** Attachments of others on the messages shown, which are not. */
  attachments: () => number;
}

const MESSAGES: readonly ExportColumn[] = [
  { name: 'id', column: 'id', as: 'plain' },
  { name: 'conversationId', column: 'conversation_id', as: 'plain' },
  { name: 'author', column: 'author_id', as: 'person' },
  { name: 'sentAt', column: 'sent_at', as: 'time' },
  { name: 'editedAt', column: 'edited_at', as: 'time' },
  { name: 'kind', column: 'kind', as: 'plain' },
  { name: 'replyTo', column: 'reply_to_id', as: 'plain' },
  { name: 'body', column: 'body', as: 'sealed', sealed: 'messages.body', mentions: true },
];
const CONVERSATIONS: readonly ExportColumn[] = [
  { name: 'id', column: 'id', as: 'plain' },
  { name: 'kind', column: 'kind', as: 'plain' },
  { name: 'name', column: 'name', as: 'sealed', sealed: 'conversations.name' },
];

/** The columns of the context's sections, by name. */
export const CONTEXT_COLUMNS = { conversations: CONVERSATIONS, messages: MESSAGES } as const;

const MESSAGE_HEAD = ['coalesce(m.subject_id, m.conversation_id)', 'm.id', 'm.author_id', 'm.subject_id'];
const selectMessages = (where: string): string =>
  pageSelect({ head: MESSAGE_HEAD, columns: MESSAGES, alias: 'm', from: `from messages m where ${where}`, order: 'm.id' });
const AUTHOR = KEY + 1;
const SUBJECT = KEY + 2;
const OF_OTHERS = `m.tenant_id = $1 and m.subject_id is distinct from $2 and m.kind <> 'TOMBSTONE'`;

/**
 * Other people's messages around the person's own. `full` opens, to somebody who answered customers, also what the customers wrote. `onFound`
 * hears how many messages are known to come.
 */
export function openContext(walk: Walk, full: boolean, onFound: (messages: number) => void): Context {
  const authors = new Set<string>();
  let attachments = 0;
  const open: Open = async (session, raw) => {
    const opened = await openPage(session, MESSAGES, raw, walk.people);
    walk.messages.addAll(opened.head[KEY]!);
    for (const column of [AUTHOR, SUBJECT])
      for (const id of uuidsOf(opened.head[column]!))
        // What an erased agent wrote to a customer stays, without them: their id, until the job has come to it, says nothing of whom the file holds.
        if (id !== null && id !== walk.subjectId && !walk.people.isErased(id)) authors.add(id);
    const [row] = (await session.db.query(
      'select count(*)::int as count from attachments where tenant_id = $1 and message_id = any ($2) and subject_id is distinct from $3',
      [session.scope.tenantId, uuidsOf(raw.columns[KEY]!), walk.subjectId],
    )) as { count: number }[];
    attachments += row!.count;
    return opened;
  };
  async function* messages(): AsyncGenerator<CellPage> {
    for (const conversation of await wholeConversations(walk, full)) yield* wholeConversation(walk, conversation, open, onFound);
    const ids = await surroundingIds(walk, full);
    onFound(ids.length);
    for (let from = 0; from < ids.length; from += PAGE) yield* messagesById(walk, ids.slice(from, from + PAGE), open);
  }
  return {
    authors,
    attachments: () => attachments,
    sections: [
      {
        part: 'context',
        name: 'conversations',
        columns: CONVERSATIONS.map(({ name }) => name),
        pages: conversations(walk, full),
      },
      { part: 'context', name: 'messages', columns: MESSAGES.map(({ name }) => name), pages: messages() },
    ],
  };
}

/** The conversations the person takes part in. What two people call theirs may be their names, so only groups show one. */
async function* conversations(walk: Walk, full: boolean): AsyncGenerator<CellPage> {
  const read: ReadPage<PackedPage> = ({ db, scope }, before) =>
    queryPacked(
      db,
      pageSelect({
        head: ['c.id', 'c.id'],
        columns: CONVERSATIONS,
        alias: 'c',
        from: `from participants p join conversations c on c.tenant_id = p.tenant_id and c.id = p.conversation_id
            where p.tenant_id = $1 and p.user_id = $2 and p.conversation_id > $3`,
        order: 'p.conversation_id',
      }),
      [scope.tenantId, walk.subjectId, lastId(before)],
    );
  for await (const page of openedPages(walk, read, (session, raw) => openPage(session, CONVERSATIONS, raw, walk.people))) {
    const [id, kind, name] = page.columns as [Cells, Cells, Cells];
    const isGroup = (row: number): boolean => cellText(kind, row)!.endsWith('GROUP');
    yield full ? page : { ...page, columns: [id, kind, withoutCells(name, (row) => !isGroup(row))] };
    await walk.onRows?.(page.read);
  }
}

/** What a page of messages or conversations is continued after. */
function lastId(page: PackedPage | undefined): string {
  const key = page?.columns[KEY];
  return key ? uuidText(key.bytes, key.start.at(-1)!) : FIRST_ID;
}

interface Membership {
  id: string;
}

/** Conversations shown whole: direct ones; and with `full` the personal ones of the customers that the person answered. */
async function wholeConversations(walk: Walk, full: boolean): Promise<Membership[]> {
  const found: Membership[] = [];
  const read = async ({ db, scope }: Session, last: Membership | undefined): Promise<Membership[]> =>
    (await db.query(
      `select c.id from participants p join conversations c on c.tenant_id = p.tenant_id and c.id = p.conversation_id
       where p.tenant_id = $1 and p.user_id = $2 and c.id > $3 and (c.kind = 'DIRECT' or $4 and c.kind = 'PERSONAL' and c.subject_id is distinct from $2) order by c.id limit ${PAGE}`,
      [scope.tenantId, walk.subjectId, last?.id ?? FIRST_ID, full],
    )) as Membership[];
  for await (const page of pages(walk, read)) found.push(...page);
  return found;
}

type Open = (session: Session, raw: PackedPage) => Promise<OpenedPage>;

/** Whoever left may not read what was written afterwards, until they came back. */
async function* wholeConversation(
  walk: Walk,
  { id }: Membership,
  open: Open,
  onFound: (messages: number) => void,
): AsyncGenerator<CellPage> {
  const read: ReadPage<PackedPage> = ({ db, scope }, before) =>
    queryPacked(
      db,
      selectMessages(
        `${OF_OTHERS} and m.conversation_id = $3 and m.id > $4
         and exists (select 1 from participants me where me.tenant_id = $1 and me.conversation_id = m.conversation_id and me.user_id = $2 and ${tookPart('me', 'm.sent_at')})`,
      ),
      [scope.tenantId, walk.subjectId, id, lastId(before)],
    );
  for await (const page of openedPages(walk, read, open)) {
    onFound(page.read);
    yield page;
    await walk.onRows?.(page.read);
  }
}

/** Messages by their sorted ids. A page that is cut short, as its rows weigh too much, is followed by one of the rest. */
async function* messagesById(walk: Walk, ids: readonly string[], open: Open): AsyncGenerator<CellPage> {
  const sql = (session: Session): string => selectMessages(`${OF_OTHERS} and m.id = any ($3) ${whilePartOf(session)}`);
  for (let rest = ids; rest.length;) {
    walk.signal?.throwIfAborted();
    const page = await walk.read(async (session) => {
      await enterOwnRows(session);
      const raw = await queryPacked(session.db, sql(session), [session.scope.tenantId, walk.subjectId, rest]);
      return raw && { opened: await open(session, raw), last: lastId(raw) };
    });
    if (page) yield page.opened;
    rest = page ? rest.filter((id) => id > page.last) : [];
  }
  await walk.onRows?.(ids.length);
}
