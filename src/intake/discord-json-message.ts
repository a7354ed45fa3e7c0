import { z } from 'zod';
import type { RawRecord } from './records.ts';
import { withoutCredentials } from './discord-attachment.ts';
import type { Sighting } from './discord-people.ts';

/** What is read of a message of DiscordChatExporter's JSON (source: its JsonMessageWriter.cs). */

const id = z.string().regex(/^\d{1,20}$/);
const words = z.string().nullish();
const time = z.iso.datetime({ offset: true });

const userOf = z.object({
  id,
  name: z.string(),
  discriminator: words,
  nickname: words,
  isBot: z.boolean().nullish(),
  avatarUrl: words,
  roles: z.array(z.object({ name: z.string() })).nullish(),
});

export const headOf = z.object({ channel: z.object({ id, type: words, name: words, topic: words }) });

export const messageOf = z.object({
  id,
  type: z.string(),
  timestamp: time,
  timestampEdited: time.nullish(),
  callEndedTimestamp: time.nullish(),
  isPinned: z.boolean().nullish(),
  content: z.string(),
  author: userOf,
  attachments: z
    .array(z.object({ id, url: z.string(), fileName: words, fileSizeBytes: z.int().nonnegative().nullish() }))
    .nullish(),
  reactions: z
    .array(
      z.object({ emoji: z.object({ name: words, code: words, id: words }), count: z.number(), users: z.array(userOf).nullish() }),
    )
    .nullish(),
  mentions: z.array(userOf).nullish(),
  reference: z.object({ messageId: id.nullish(), channelId: id.nullish() }).nullish(),
});

export type JsonMessage = z.output<typeof messageOf>;
type JsonUser = z.output<typeof userOf>;

/** Whole copies that hang on a message and are left out: of texts, of other people's messages, of profiles. */
export const COPIES = ['embeds', 'stickers', 'forwardedMessage', 'interaction', 'components'] as const;

export function asSighting({ id: user, name, discriminator, nickname, isBot, avatarUrl, roles }: JsonUser): Sighting {
  const numbered = discriminator && !/^0+$/.test(discriminator);
  const avatar = avatarUrl ? withoutCredentials(avatarUrl) : undefined;
  return {
    id: user,
    handle: numbered ? `${name}#${discriminator}` : name,
    displayName: nickname || name,
    bot: isBot === true,
    ...(avatar && { avatarUrl: avatar }),
    ...(roles && { roles: roles.map((role) => role.name) }),
  };
}

/** Bounds of the search for mentions, far above Discord's own. */
const [MOST_MENTIONED, LONGEST_NAME, LONGEST_BODY] = [1000, 600, 1_000_000];

/**
 * The text with each mention as `<@id>`. DiscordChatExporter writes a mention as `@name`, or leaves it as `<@id>` or `<@!id>` if told not
 * to format; which people are meant stands beside the text. What Discord itself says (`Added somebody to the group.`) has names without `@`.
 */
export function withMentions({ type, content, mentions }: JsonMessage): { body: string; mentions: string[] } {
  const people = (mentions ?? []).slice(0, MOST_MENTIONED);
  // What is too long to be taken over need not be searched.
  if (people.length === 0 || content.length > LONGEST_BODY) return { body: content, mentions: [] };
  const names = new Map<string, string>();
  for (const { id: user, name, nickname, discriminator } of people) {
    for (const token of [`<@${user}>`, `<@!${user}>`]) names.set(token, user);
    for (const called of [nickname, `${name}#${discriminator ?? ''}`, name]) {
      if (!called || called.length > LONGEST_NAME) continue;
      if (!names.has(`@${called}`)) names.set(`@${called}`, user);
      if (!isWritten(type) && !names.has(called)) names.set(called, user);
    }
  }
  // The longest first: of @Ann and @Anna, both mentioned, neither may be taken for the other.
  const tokens = [...names.keys()]
    .sort((a, b) => b.length - a.length)
    .map((token) => token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const found = new Set<string>();
  const body = content.replace(new RegExp(tokens.join('|'), 'gu'), (token) => {
    const user = names.get(token) ?? '';
    found.add(user);
    return `<@${user}>`;
  });
  return { body, mentions: [...new Set(people.map((person) => person.id))].filter((user) => found.has(user)) };
}

/** Whether somebody wrote it; everything else is what Discord says about something that somebody did. */
export const isWritten = (type: string): boolean => type === 'Default' || type === 'Reply';

type RawReaction = NonNullable<Extract<RawRecord, { type: 'message' }>['reactions']>[number];

/** Who reacted; and, where the export names fewer people than it counts, the count. */
export function reactionsOf({ reactions }: JsonMessage): { reactions: RawReaction[]; reactionCounts: Record<string, number> } {
  const rows: RawReaction[] = [];
  const counts: [string, number][] = [];
  for (const { emoji, count, users } of reactions ?? []) {
    const called = emoji.name || emoji.code || emoji.id || '?';
    for (const user of users ?? []) rows.push({ user: user.id, emoji: called });
    if ((users ?? []).length < count) counts.push([called, count]);
  }
  return { reactions: rows, reactionCounts: Object.fromEntries(counts) };
}
