import { sqlState } from '../database/db.ts';
import { inScope, type Session } from '../scope/in-scope.ts';
import type { Scope } from '../scope/scope.ts';
import type { System } from '../system.ts';
import { openBatch, type AnyItem, type IngestOptions, type Item, type Skip } from './batch.ts';
import { ingestCalls } from './ingest-calls.ts';
import { ingestDeletions, ingestEdits, ingestReactions } from './ingest-changes.ts';
import { ingestConversations } from './ingest-conversations.ts';
import { ingestBusinessLinks, ingestDeliveries } from './ingest-events.ts';
import { ingestMessages } from './ingest-messages.ts';
import { ingestParticipants } from './ingest-participants.ts';
import { ingestUsers } from './ingest-users.ts';
import type { IntakeRecord } from './records.ts';
import { requireReferences, resolveReferences } from './references.ts';

export interface Ingested {
  /** `<what>.<created|updated|unchanged>` -> how many. */
  counts: Map<string, number>;
  skips: Skip[];
  /** Files of deleted messages, to be removed once the transaction has committed. */
  files: string[];
  /** Files written, to be removed if the transaction does not commit. */
  written: string[];
}

/**
 * Takes a batch of records into an app, in the caller's transaction. By external id, so that the same batch again changes nothing. Within a
 * batch people come before conversations, those before messages, and changes of messages last, whatever order they were given in.
 */
export async function ingest(
  session: Session,
  appId: string,
  items: readonly AnyItem[],
  options: IngestOptions = {},
): Promise<Ingested> {
  const batch = await openBatch(session, appId, options);
  try {
    await resolveReferences(batch, items);
    if (options.strict) requireReferences(batch, items);
    const messages = only(items, 'message');
    if (!messages.length) options.onWriting?.();
    await ingestUsers(batch, only(items, 'user'));
    await ingestConversations(batch, only(items, 'conversation'));
    await ingestParticipants(batch, only(items, 'participant'));
    const replaced = await ingestMessages(batch, messages);
    await ingestEdits(batch, only(items, 'messageEdit'));
    await ingestReactions(batch, only(items, 'reaction'));
    await ingestCalls(batch, only(items, 'call'));
    await ingestDeliveries(batch, only(items, 'delivery'));
    await ingestBusinessLinks(batch, only(items, 'businessLink'));
    const deleted = await ingestDeletions(batch, only(items, 'messageDeletion'));
    const files = [...replaced, ...deleted];
    // Remembered with the deletion itself: after a crash they are removed all the same.
    if (files.length)
      await session.db.query('insert into doomed_files (tenant_id, name) select $1, unnest($2::text[]) on conflict do nothing', [
        session.scope.tenantId,
        files,
      ]);
    return { counts: batch.counts, skips: batch.skips.sort((a, b) => a.index - b.index), files, written: batch.written };
  } catch (error) {
    await Promise.all(batch.written.map((name) => session.system.files.remove(name)));
    throw error;
  }
}

const only = <T extends IntakeRecord['type']>(items: readonly AnyItem[], type: T): Item<T>[] =>
  items.filter((item) => item.record.type === type) as unknown as Item<T>[];

/** A serialization failure, a deadlock, a row that another transaction wrote first: the same again finds what the other wrote. */
const PASSING = new Set(['40001', '40P01', '23505']);

/**
 * Ingests in a transaction of its own, which `open` opens: once more where it lost a race, and with the files of deleted messages
 * removed after the commit, those written removed where there is none.
 */
export async function ingestWhole(
  system: System,
  scope: Scope,
  open: (act: (session: Session) => Promise<Ingested>) => Promise<Ingested>,
  act: (session: Session) => Promise<Ingested>,
): Promise<Ingested> {
  const attempt = async (): Promise<Ingested> => {
    let written: string[] = [];
    try {
      return await open(async (session) => {
        const ingested = await act(session);
        written = ingested.written;
        return ingested;
      });
    } catch (error) {
      await Promise.all(written.map((name) => system.files.remove(name)));
      throw error;
    }
  };
  const ingested = await attempt().catch((error: unknown) => {
    if (!PASSING.has(sqlState(error) ?? '')) throw error;
    return attempt();
  });
  const { files } = ingested;
  if (files.length) {
    await Promise.all(files.map((name) => system.files.remove(name)));
    await inScope(system, scope, ({ db }) =>
      db.query('delete from doomed_files where tenant_id = $1 and name = any ($2)', [scope.tenantId, files]),
    );
  }
  return ingested;
}
