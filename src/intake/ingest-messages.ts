import { setImmediate as immediate } from 'node:timers/promises';
import { deleteMessages, messageIndex } from '../data/message/message.deletion.ts';
import { uuidv7 } from '../database/uuid.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { count, ERASED_REASON, isGone, skip, type Accepted, type Batch, type Item } from './batch.ts';
import { ingestAttachments } from './ingest-attachments.ts';
import { findAnswered, findWaiting, HELD_MESSAGES, stillThere, tieWaiting } from './held-messages.ts';
import { insertMentions, insertReactions } from './ingest-marks.ts';
import { adoptSubject } from './ingest-participants.ts';
import { sealingId, writeEdit } from './message-edit.ts';
import { INSERT_MESSAGES, messageRows } from './message-rows.ts';

/** So many messages are sealed at a time: while the database writes them, the next are sealed. It waits for the first, so pieces begin small and grow. */
const PIECE = 250;
const FIRST_PIECE = 50;
const GROWTH = 1.5;

/**
 * Takes messages over with their mentions, reactions and attachments. One that is there already is edited if the record is a later edit of it, and
 * deleted if the record says that it was. Answers which files must go once the transaction has committed.
 */
export async function ingestMessages(batch: Batch, items: readonly Item<'message'>[]): Promise<string[]> {
  await adoptAuthors(batch, items);
  const files: string[] = [];
  for (const round of rounds(items)) files.push(...(await ingestRound(batch, round)));
  return files;
}

/** Records of one message each, so that a second record of a message meets what the first has become, as in a batch of its own. */
function rounds(items: readonly Item<'message'>[]): Item<'message'>[][] {
  const found: Item<'message'>[][] = [];
  const nth = new Map<string, number>();
  for (const item of items) {
    const { conversation, externalId } = item.record;
    const name = `${conversation.length} ${conversation}${externalId}`;
    const round = nth.get(name) ?? 0;
    nth.set(name, round + 1);
    (found[round] ??= []).push(item);
  }
  return found;
}

async function ingestRound(batch: Batch, items: readonly Item<'message'>[]): Promise<string[]> {
  const accepted = items.flatMap((item) => accept(batch, item) ?? []);
  if (!accepted.length) return [];
  const { db, scope, system } = batch.session;
  const [messages, keys] = await Promise.all([
    withoutErased(batch, accepted),
    subjectKeys(system.keys, db, scope.tenantId, accepted.map(sealingId)),
  ]);
  const readable = messages.filter(
    (message) => keys.has(sealingId(message)) || skip(batch, message.item, 'message', ERASED_REASON),
  );
  await insertMessages(batch, readable, keys);
  const files = await meetExisting(
    batch,
    readable.filter((message) => !message.created),
  );
  const created = readable.filter((message) => message.created);
  // Of a message that was there, the edit has brought the mentions up to date; those of an older record are gone for good.
  await insertMentions(
    batch,
    created.flatMap((message) => (message.record.mentions.length ? { ...message, mentions: message.record.mentions } : [])),
  );
  const there = await living(batch, readable);
  await insertReactions(
    batch,
    there.flatMap((message) => message.record.reactions.map((reaction) => ({ ...reaction, message, item: message.item }))),
  );
  await ingestAttachments(batch, there);
  return files;
}

/** Those on which reactions and files can hang: not the deleted. */
async function living(batch: Batch, messages: readonly Accepted[]): Promise<readonly Accepted[]> {
  const alive = messages.filter(({ id, record }) => id && record.kind !== 'TOMBSTONE');
  const before = alive.filter(({ created }) => !created);
  const held = await stillThere(
    batch,
    before.flatMap(({ id, record }) => (record.reactions.length || record.attachments.length ? id : [])),
  );
  return alive.filter(({ id, created }) => created || held.has(id));
}

/** Leaves out messages that were erased one by one. The ledger knows them by an index each, which is only computed where it knows any. */
async function withoutErased(batch: Batch, messages: readonly Accepted[]): Promise<readonly Accepted[]> {
  if (!batch.anyMessageErased) return messages;
  const { db, scope } = batch.session;
  const indexOf = (message: Accepted): Buffer => messageIndex(batch.tenantKey, message.conversationId, message.record.externalId);
  const rows = (await db.query(
    `select external_index from erasures where tenant_id = $1 and app_id = $2 and target = 'MESSAGE' and external_index = any ($3)`,
    [scope.tenantId, batch.appId, messages.map(indexOf)],
  )) as { external_index: Buffer }[];
  const erased = new Set(rows.map((row) => row.external_index.toString('hex')));
  return messages.filter(
    (message) => !erased.has(indexOf(message).toString('hex')) || skip(batch, message.item, 'message', 'the message was erased'),
  );
}

/** A PERSONAL conversation that came without participants is that of the first end user who writes in it. */
async function adoptAuthors(batch: Batch, items: readonly Item<'message'>[]): Promise<void> {
  for (const { record } of items) {
    const conversation = batch.conversations.get(record.conversation);
    if (conversation?.kind !== 'PERSONAL' || conversation.subjectId || record.author === undefined) continue;
    const author = batch.users.get(record.author);
    if (author?.kind === 'END_USER' && !isGone(author, record.sentAt)) await adoptSubject(batch, conversation, author.id);
  }
}

function accept(batch: Batch, item: Item<'message'>): Accepted | undefined {
  const { record } = item;
  const refuse = (reason: string): undefined => skip(batch, item, 'message', reason);
  const conversation = batch.conversations.get(record.conversation);
  if (!conversation) return refuse('no conversation of this external id');
  if (conversation.kind === 'ERASED') return refuse('the conversation was erased');
  const author = record.author === undefined ? undefined : batch.users.get(record.author);
  if (record.author !== undefined && !author) return refuse('author: no user of this external id');
  if (isGone(author, record.sentAt)) return refuse(ERASED_REASON);
  if (record.mentions.some((name) => !batch.users.has(name))) return refuse('mentions: no user of this external id');
  const tombstone = record.kind === 'TOMBSTONE';
  if (conversation.kind === 'PERSONAL' && !conversation.subjectId && !tombstone)
    return refuse('the personal conversation has no end user among its participants');
  return {
    id: uuidv7(Date.parse(record.sentAt)),
    item,
    record: tombstone ? { ...record, mentions: [], reactions: [], attachments: [] } : record,
    conversationId: conversation.id,
    // Of a deleted message the place is left, not whose it was.
    authorId: tombstone ? null : (author?.id ?? null),
    subjectId: tombstone ? null : (conversation.subjectId ?? author?.id ?? null),
    created: false,
  };
}

async function insertMessages(batch: Batch, messages: readonly Accepted[], keys: ReadonlyMap<string, Buffer>): Promise<void> {
  const context = { batch, keys, replyOf: await findAnswered(batch, messages) };
  const insert = (piece: readonly Accepted[]): Promise<[{ written: number }]> =>
    batch.session.db.query(INSERT_MESSAGES, messageRows(piece, context));
  const inserting: Promise<[{ written: number }]>[] = [];
  // Sent without waiting for the answer to the piece before, in one transaction: the first that fails, fails them all.
  for (let from = 0, size = FIRST_PIECE; from < messages.length; from += size, size = Math.min(PIECE, Math.ceil(size * GROWTH))) {
    const written = insert(messages.slice(from, from + size));
    written.catch(() => undefined);
    inserting.push(written);
    // Until this thread lets go, the piece is not on its way.
    await immediate();
    if (size === PIECE) batch.options.onWriting?.();
  }
  batch.options.onWriting?.();
  // Asked behind them already, of those that will turn out to have been there as well.
  const [waiting, ...answers] = await Promise.all([findWaiting(batch, messages), ...inserting]);
  const written = answers.reduce((sum, [piece]) => sum + piece.written, 0);
  const created = await whichAreNew(batch, messages, written);
  for (const message of messages) message.created = created.has(message.id);
  count(batch, 'message', 'created', written);
  await tieWaiting(
    batch,
    waiting.filter(({ answered }) => created.has(answered)),
  );
}

/** The ids of those that were written. Mostly all were, or none; only otherwise it has to be asked which. */
async function whichAreNew(batch: Batch, messages: readonly Accepted[], written: number): Promise<ReadonlySet<string>> {
  const ids = messages.map(({ id }) => id);
  if (written === 0 || written === ids.length) return new Set(written ? ids : []);
  const { db, scope } = batch.session;
  const rows = (await db.query('select id from messages where tenant_id = $1 and id = any ($2)', [scope.tenantId, ids])) as {
    id: string;
  }[];
  return new Set(rows.map(({ id }) => id));
}

interface Existing {
  id: string;
  conversationId: string;
  external_id: string;
  editedAt: Date | null;
  subjectId: string | null;
  gone: boolean;
}

/** Messages that are there already: takes over a later edit or their deletion, leaves the rest as it is, and learns their ids. */
async function meetExisting(batch: Batch, messages: readonly Accepted[]): Promise<string[]> {
  if (!messages.length) return [];
  const { db, scope, system } = batch.session;
  const rows = (await db.query(
    `select m.id, m.conversation_id as "conversationId", m.external_id, m.edited_at as "editedAt", m.subject_id as "subjectId", m.deleted_at is not null as gone
     from ${HELD_MESSAGES}`,
    [scope.tenantId, messages.map((message) => message.conversationId), messages.map((message) => message.record.externalId)],
  )) as Existing[];
  const stored = new Map(rows.map((row) => [`${row.conversationId}/${row.external_id}`, row]));
  const keys = await subjectKeys(system.keys, db, scope.tenantId, rows.map(sealingId));
  const deleted: string[] = [];
  for (const message of messages) {
    const row = stored.get(`${message.conversationId}/${message.record.externalId}`);
    const key = row && keys.get(sealingId(row));
    const { editedAt } = message.record;
    message.id = row && !row.gone ? row.id : '';
    // Whose it is says the row: the subject of a conversation may have become known only after it.
    if (row) message.subjectId = row.subjectId;
    if (row && !row.gone && message.record.kind === 'TOMBSTONE') deleted.push(row.id);
    else if (row && !row.gone && key && editedAt !== undefined && (row.editedAt?.getTime() ?? -Infinity) < Date.parse(editedAt)) {
      await writeEdit(batch, row, { ...message.record, editedAt }, key);
    } else {
      count(batch, 'message', 'unchanged');
      continue;
    }
    count(batch, 'message', 'updated');
  }
  return deleted.length ? (await deleteMessages(batch.session, deleted, 'ALL')).files : [];
}
