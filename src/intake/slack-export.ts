import { recordEvent } from './checked-event.ts';
import { jsonArray } from './json-array.ts';
import { Tally } from './tally.ts';
import { asText, isLoose, type Loose } from './loose.ts';
import type { Directory } from './mrkdwn.ts';
import type { Position, SourceEvent } from './records.ts';
import type { SlackConversation } from './slack-conversation.ts';
import { toStranger } from './slack-user.ts';
import type { Source, SourceFile } from './source.ts';

/** What has been learnt of an export so far. */
export interface SlackExport {
  source: Source;
  tally: Tally;
  users: Set<string>;
  /** Ids of users by their handle. */
  handles: Map<string, string>;
  /** Names of channels by their id. */
  channelNames: Map<string, string>;
  /** By each name that their folder may have. */
  conversations: Map<string, SlackConversation>;
  /** Bots, and comments on files: the same one stands in many messages. */
  seen: Set<string>;
  bytesRead: number;
  bytes: number;
}

export const newExport = (source: Source): SlackExport => ({
  source,
  tally: new Tally(),
  users: new Set(),
  handles: new Map(),
  channelNames: new Map(),
  conversations: new Map(),
  seen: new Set(),
  bytesRead: 0,
  bytes: source.files.reduce((sum, file) => sum + file.size, 0),
});

export const directoryOf = (slack: SlackExport): Directory => ({
  isUser: (id) => slack.users.has(id),
  userOfHandle: (handle) => slack.handles.get(handle),
  channelName: (id) => slack.channelNames.get(id),
});

export function progress(slack: SlackExport, file: SourceFile): SourceEvent {
  slack.bytesRead += file.size;
  return { kind: 'progress', done: slack.bytesRead, total: slack.bytes };
}

/** Yields a placeholder for each person who is named without an entry in users.json, so that what they wrote has an author. */
export function* meet(
  slack: SlackExport,
  people: Iterable<string>,
  at: Position,
  copy: (id: string) => Loose = () => ({}),
): Generator<SourceEvent> {
  for (const id of people) {
    if (slack.users.has(id)) continue;
    const event = recordEvent(toStranger(id, copy(id)), at);
    yield event;
    if (event.kind !== 'record') continue;
    slack.users.add(id);
    yield {
      kind: 'warning',
      at,
      message: `${id} has no entry in users.json: taken over without a profile, or with what the message says.`,
    };
  }
}

/** The objects of a list file with their places. Older exports hold `[""]` where there is nothing: no objects, no word about it. */
export async function* elementsOf(file: SourceFile): AsyncGenerator<{ entry: Loose; at: Position }> {
  for await (const { item, value } of jsonArray(file)) if (isLoose(value)) yield { entry: value, at: { file: file.path, item } };
}

/** The entries of a list file by their ids; one without an id, or of an id already met, is reported as skipped. */
export async function* identified(
  file: SourceFile,
  what: string,
  met: { has(id: string): boolean },
): AsyncGenerator<{ entry: Loose; id: string; at: Position } | { skipped: SourceEvent }> {
  for await (const { entry, at } of elementsOf(file)) {
    const id = asText(entry.id);
    const reason = id === undefined ? 'it has no id' : met.has(id) ? 'a second entry of the same id' : undefined;
    if (id === undefined || reason !== undefined) yield { skipped: { kind: 'skipped', at, what, reason: reason ?? '' } };
    else yield { entry, id, at };
  }
}
