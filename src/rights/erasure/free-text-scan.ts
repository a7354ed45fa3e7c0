import { renderMentions } from '../../data/mention.ts';
import { place } from '../../data/place.ts';
import { readByIndex } from '../../database/by-index.ts';
import { boundedPage, bytesOf } from '../../database/page-bytes.ts';
import { givingWay } from '../../jobs/give-way.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import { unsealText } from '../../keys/sealed-value.ts';
import { inScope, type Session } from '../../scope/in-scope.ts';
import type { Scope } from '../../scope/scope.ts';
import type { System } from '../../system.ts';
import { wordFinder, type Needles } from '../needles.ts';
import type { FreeTextMention, FreeTextMentions } from './residual.entity.ts';

const PAGE = 1_000;
const LISTED = 10_000;

/**
 * The deep form: unseals what others wrote in the conversations the person took part in, and says where it still names them. Other people's words
 * are theirs, so nothing is changed here: somebody decides, message by message. Only ids are kept.
 */
export async function findMentions(
  system: System,
  scope: Scope,
  { needles, conversations }: Needles,
  signal: AbortSignal,
): Promise<FreeTextMentions> {
  const names = wordFinder(needles);
  const found: FreeTextMentions = { count: 0, messages: [] };
  const add = (mention: FreeTextMention): void => {
    found.count += 1;
    if (found.messages.length < LISTED) found.messages.push(mention);
  };
  for (const conversationId of conversations) {
    if (await inScope(system, scope, (session) => isNamedAfter(session, conversationId, names)))
      add({ messageId: null, conversationId });
    let after: string | undefined = '00000000-0000-0000-0000-000000000000';
    while (after) {
      signal.throwIfAborted();
      const from: string = after;
      const page: Page = await givingWay(system, signal, () =>
        inScope(system, scope, (session) => readPage(session, conversationId, from, names)),
      );
      for (const messageId of page.naming) add({ messageId, conversationId });
      after = page.next;
    }
  }
  return found;
}

interface Page {
  naming: string[];
  next: string | undefined;
}

async function readPage(
  { db, scope, system }: Session,
  conversationId: string,
  after: string,
  names: (text: string) => boolean,
): Promise<Page> {
  const { tenantId } = scope;
  await readByIndex(db);
  const messages = (await db.query(
    boundedPage({
      list: 'id, coalesce(subject_id, conversation_id) as owner, body',
      from: 'from messages where tenant_id = $1 and conversation_id = $2 and id > $3',
      order: 'id',
      limit: PAGE,
      bytes: bytesOf(['body']),
    }),
    [tenantId, conversationId, after],
  )) as { id: string; owner: string; body: Buffer | null }[];
  const files = (await db.query(
    'select id, message_id as "messageId", coalesce(subject_id, conversation_id) as owner, name from attachments where tenant_id = $1 and message_id = any ($2) and name is not null',
    [tenantId, messages.map((row) => row.id)],
  )) as { id: string; messageId: string; owner: string; name: Buffer }[];
  const keys = await subjectKeys(
    system.keys,
    db,
    tenantId,
    [...messages, ...files].map((row) => row.owner),
  );
  const naming = new Set<string>();
  for (const { id, owner, body } of messages) {
    const key = keys.get(owner);
    // A mention by token reads "erased user" by now, so it is none.
    if (key && body && names(renderMentions(unsealText(key, place(tenantId, owner, 'messages.body', id), body), () => '@')))
      naming.add(id);
  }
  for (const { id, messageId, owner, name } of files) {
    const key = keys.get(owner);
    if (key && names(unsealText(key, place(tenantId, owner, 'attachments.name', id), name))) naming.add(messageId);
  }
  return { naming: [...naming], next: messages.at(-1)?.id };
}

async function isNamedAfter(
  { db, scope, system }: Session,
  conversationId: string,
  names: (text: string) => boolean,
): Promise<boolean> {
  const [row] = (await db.query('select name from conversations where tenant_id = $1 and id = $2 and name is not null', [
    scope.tenantId,
    conversationId,
  ])) as { name: Buffer }[];
  const key = (await subjectKeys(system.keys, db, scope.tenantId, [conversationId])).get(conversationId);
  return (
    row !== undefined &&
    key !== undefined &&
    names(unsealText(key, place(scope.tenantId, conversationId, 'conversations.name', conversationId), row.name))
  );
}
