import { recordEvent } from './checked-event.ts';
import type { Position, RawRecord, SourceEvent, Told } from './records.ts';
import type { Source } from './source.ts';
import type { Tally } from './tally.ts';

type RawUser = Extract<RawRecord, { type: 'user' }>;
export type ConversationKind = Extract<RawRecord, { type: 'conversation' }>['kind'];

/** What has been read so far: people and the names they go by, never a text. */
export interface Reading {
  source: Source;
  people: Map<string, Person>;
  conversations: Set<string>;
  /** Who is known to take part, as `conversation` + newline + `user`. */
  participants: Set<string>;
  /** What is said once, at the file where it is first met. */
  said: Set<string>;
  dropped: Tally;
}

/** How somebody is called in one place of the export. `name#1234` is the handle of Discord's earlier years. */
export interface Sighting {
  id: string;
  handle: string;
  displayName: string;
  bot: boolean;
  avatarUrl?: string;
  roles?: string[];
}

interface Person {
  yielded: Sighting;
  latest: Sighting;
  latestAt: number;
  /** Other names than the first. */
  others?: Set<string>;
  at: Position;
}

/** The person when first met; later only remembers how they were called last (by the time of the message, files being in no order of time). */
export function* seen(reading: Reading, sighting: Sighting, sentAt: number, at: Position): Generator<SourceEvent> {
  const person = reading.people.get(sighting.id);
  if (!person) {
    reading.people.set(sighting.id, { yielded: sighting, latest: sighting, latestAt: sentAt, at });
    return yield userEvent(sighting, at, 'FIRST');
  }
  if (nameOf(sighting) !== nameOf(person.yielded)) {
    person.others ??= new Set();
    person.others.add(nameOf(sighting));
    person.at = at;
  }
  if (sentAt < person.latestAt) return;
  person.latestAt = sentAt;
  if (nameOf(sighting) === nameOf(person.latest) && sighting.bot === person.latest.bot) return;
  person.latest = sighting;
}

const nameOf = ({ handle, displayName }: Sighting): string => `${handle}\n${displayName}`;

/** At the end the last name of everybody: they may be held by another, of this export or of an earlier one. */
export function* settled({ people, dropped }: Reading): Generator<SourceEvent> {
  for (const { latest, others, at } of people.values()) {
    if (others) {
      yield {
        kind: 'warning',
        at,
        message: `Somebody goes by ${others.size + 1} names in this export: held by the last of them.`,
      };
      dropped.add('earlier name', others.size);
    }
    const event = userEvent(latest, at, 'LAST');
    if (event.kind === 'record') yield event;
  }
}

/** As a native record bounds them. Somebody with a longer name is still the author of their messages. */
const [LONGEST_NAME, LONGEST_LINK] = [512, 2048];

function userEvent({ id, handle, displayName, bot, avatarUrl, roles }: Sighting, at: Position, told: Told): SourceEvent {
  const user: RawUser = {
    type: 'user',
    externalId: id,
    kind: bot ? 'BOT' : 'END_USER',
    profile: {
      handle: handle.slice(0, LONGEST_NAME),
      displayName: displayName.slice(0, LONGEST_NAME),
      ...(avatarUrl && avatarUrl.length <= LONGEST_LINK && { avatarUrl }),
    },
    ...(roles && roles.length > 0 && { metadata: { roles } }),
  };
  const event = recordEvent(user, at);
  return event.kind === 'record' ? { ...event, told } : event;
}

/** Exports hold no lists of members: whoever wrote in a channel took part in it. */
export function* takesPart(reading: Reading, conversation: string, user: string, at: Position): Generator<SourceEvent> {
  const key = `${conversation}\n${user}`;
  if (reading.participants.has(key)) return;
  reading.participants.add(key);
  yield recordEvent({ type: 'participant', conversation, user }, at);
}

/** Says something once in an import. */
export function* once(reading: Reading, message: string, at: Position): Generator<SourceEvent> {
  if (reading.said.has(message)) return;
  reading.said.add(message);
  yield { kind: 'warning', at, message };
}
