import type { Session } from '../scope/in-scope.ts';
import { openBatch, type Batch, type AnyItem, type Skip, type Item } from './batch.ts';
import { ingestDeletions, ingestEdits, ingestReactions } from './ingest-changes.ts';
import { ingestConversations, ingestParticipants } from './ingest-conversations.ts';
import { ingestBusinessLinks, ingestCalls, ingestDeliveries } from './ingest-events.ts';
import { ingestMessages } from './ingest-messages.ts';
import { ingestUsers } from './ingest-users.ts';
import type { IntakeRecord } from './records.ts';
import { resolveReferences } from './references.ts';

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
 * Takes a batch of records into an app, in one transaction. By external id, so that the same batch again changes nothing. Within
 * a batch people come before conversations, those before messages, and changes of messages last, whatever order they were given in.
 */
export async function ingest(session: Session, appId: string, items: readonly AnyItem[]): Promise<Ingested> {
  const batch: Batch = await openBatch(session, appId);
  try {
    await resolveReferences(batch, items);
    await ingestUsers(batch, only(items, 'user'));
    await ingestConversations(batch, only(items, 'conversation'));
    await ingestParticipants(batch, only(items, 'participant'));
    await ingestMessages(batch, only(items, 'message'));
    await ingestEdits(batch, only(items, 'messageEdit'));
    await ingestReactions(batch, only(items, 'reaction'));
    await ingestCalls(batch, only(items, 'call'));
    await ingestDeliveries(batch, only(items, 'delivery'));
    await ingestBusinessLinks(batch, only(items, 'businessLink'));
    const files = await ingestDeletions(batch, only(items, 'messageDeletion'));
    return { counts: batch.counts, skips: batch.skips, files, written: batch.written };
  } catch (error) {
    await Promise.all(batch.written.map((name) => session.system.files.remove(name)));
    throw error;
  }
}

const only = <T extends IntakeRecord['type']>(items: readonly AnyItem[], type: T): Item<T>[] => items.filter((item) => item.record.type === type) as unknown as Item<T>[];
