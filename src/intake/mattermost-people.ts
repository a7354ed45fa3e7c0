import { recordEvent } from './checked-event.ts';
import { botLine, channelOfUser, dropUnread, faultOf, isoTime, teamOfUser, userLine } from './mattermost-lines.ts';
import type { Position, SourceEvent } from './records.ts';
import type { Source } from './source.ts';
import type { Tally } from './tally.ts';

/** What has been read so far: enough to resolve names, never a text. */
export interface Reading {
  source: Source;
  /** The folder of the JSONL file, where `data/` lies; '' at the top. */
  folder: string;
  people: Set<string>;
  bots: Set<string>;
  conversations: Set<string>;
  /** By conversation: how many posts of one person at one millisecond have been seen (see `postId`). */
  posts: Map<string, Map<number, number>>;
  dropped: Tally;
}

/** Mattermost's own form: names are compared in lower case. */
export const canonical = (username: string): string => username.toLowerCase();

export function* user(reading: Reading, raw: unknown, at: Position): Generator<SourceEvent> {
  const { data, error } = userLine.safeParse(raw);
  if (!data) return yield { kind: 'skipped', at, what: 'user', reason: faultOf(error) };
  dropUnread(reading.dropped, 'user', raw, userLine.shape);
  const username = canonical(data.username);
  const full = [data.first_name, data.last_name].filter(Boolean).join(' ');
  const deactivatedAt = isoTime(data.delete_at);
  const event = recordEvent(
    {
      type: 'user',
      externalId: username,
      kind: reading.bots.has(username) ? 'BOT' : 'END_USER',
      profile: {
        handle: username,
        displayName: data.nickname || full || username,
        ...(data.first_name && { givenName: data.first_name }),
        ...(data.last_name && { surname: data.last_name }),
        ...(data.email && { email: data.email }),
        ...(data.locale && { locale: data.locale }),
        ...(data.position && { title: data.position }),
      },
      metadata: { ...(data.roles && { roles: data.roles }), ...(data.auth_service && { authService: data.auth_service }) },
      ...(deactivatedAt && { deactivatedAt }),
    },
    at,
  );
  yield event;
  if (event.kind !== 'record') return;
  reading.people.add(username);
  for (const team of data.teams ?? []) yield* memberships(reading, username, team, at);
}

function* memberships(reading: Reading, username: string, raw: unknown, at: Position): Generator<SourceEvent> {
  const team = teamOfUser.safeParse(raw);
  if (!team.data) return yield { kind: 'skipped', at, what: 'team of a user', reason: faultOf(team.error) };
  dropUnread(reading.dropped, 'user.teams', raw, teamOfUser.shape);
  for (const rawChannel of team.data.channels ?? []) {
    const channel = channelOfUser.safeParse(rawChannel);
    if (!channel.data) {
      yield { kind: 'skipped', at, what: 'channel of a user', reason: faultOf(channel.error) };
      continue;
    }
    dropUnread(reading.dropped, 'user.teams.channels', rawChannel, channelOfUser.shape);
    const conversation = `${team.data.name}/${channel.data.name}`;
    if (!reading.conversations.has(conversation)) {
      yield { kind: 'skipped', at, what: 'participant', reason: 'The export holds no such channel.' };
      continue;
    }
    const role = channel.data.roles || undefined;
    yield recordEvent({ type: 'participant', conversation, user: username, ...(role && { role }) }, at);
  }
}

/** A bot; its owner's name and its description (people's words about it) are left out. */
export function* bot(reading: Reading, raw: unknown, at: Position): Generator<SourceEvent> {
  const { data, error } = botLine.safeParse(raw);
  if (!data) return yield { kind: 'skipped', at, what: 'bot', reason: faultOf(error) };
  dropUnread(reading.dropped, 'bot', raw, botLine.shape);
  if (data.description) reading.dropped.add('bot.description');
  const username = canonical(data.username);
  const deactivatedAt = isoTime(data.delete_at);
  reading.bots.add(username);
  const profile = { handle: username, displayName: data.display_name || username };
  const event = recordEvent(
    { type: 'user', externalId: username, kind: 'BOT', profile, ...(deactivatedAt && { deactivatedAt }) },
    at,
  );
  yield event;
  if (event.kind === 'record') reading.people.add(username);
}

/** The external id of somebody who is named; made from the name alone where no line describes them, so that no message is lost. */
export function* named(reading: Reading, name: string, at: Position): Generator<SourceEvent, string> {
  const username = canonical(name);
  if (!reading.people.has(username)) {
    reading.people.add(username);
    yield { kind: 'warning', at, message: 'Somebody is named who has no user line: held by username only.' };
    const kind = reading.bots.has(username) && { kind: 'BOT' as const };
    yield recordEvent({ type: 'user', externalId: username, ...kind, profile: { handle: username, displayName: username } }, at);
  }
  return username;
}
