import { z } from 'zod';
import type { Tally } from './tally.ts';

/**
 * What is read of each kind of line of a Mattermost bulk export (source: docs.mattermost.com, "Bulk loading data"). Arrays may
 * be null. A key that is not listed is left out and counted, so that a new version's copies of personal data are not kept by chance.
 */

const name = z.string().min(1);
const words = z.string().nullish();
const millis = z.number().nullish();
const list = z.array(z.unknown()).nullish();

export const channelLine = z.object({
  team: name,
  name,
  display_name: words,
  type: z.enum(['O', 'P']),
  delete_at: millis,
  deleted_at: millis,
});

export const userLine = z.object({
  username: name,
  email: words,
  nickname: words,
  first_name: words,
  last_name: words,
  position: words,
  locale: words,
  roles: words,
  auth_service: words,
  delete_at: millis,
  teams: list,
});

export const teamOfUser = z.object({ name, channels: list });
export const channelOfUser = z.object({ name, roles: words });

export const botLine = z.object({ username: name, display_name: words, description: words, delete_at: millis });

const said = {
  user: name,
  message: z.string(),
  create_at: z.number(),
  edit_at: millis,
  type: words,
  is_pinned: z.boolean().nullish(),
  replies: list,
  reactions: list,
  attachments: list,
};
export const postLine = z.object({ team: name, channel: name, ...said });
export const directPostLine = z.object({ channel_members: z.array(name).min(1), ...said });
export const saidLine = z.object(said);

export const reactionOfPost = z.object({ user: name, emoji_name: name, create_at: millis });
export const attachmentOfPost = z.object({ path: name });

/** The members stand in `members`, in newer versions also, with their settings, in `participants`. */
export const directChannelLine = z
  .object({ members: z.array(name).nullish(), participants: z.array(z.object({ username: name })).nullish() })
  .transform(({ members, participants }) => members ?? participants?.map((participant) => participant.username) ?? [])
  .pipe(z.array(name).min(1));

/** Milliseconds since the epoch as ISO 8601; undefined for 0 (Mattermost's "never") and whatever is no time. */
export function isoTime(ms: number | null | undefined): string | undefined {
  const representable = ms !== null && ms !== undefined && Number.isSafeInteger(ms) && ms > 0 && ms < Date.UTC(10_000, 0);
  return representable ? new Date(ms).toISOString() : undefined;
}

/** Counts the keys that hold something and are not read. `owner` are the keys of the line, such as `user`. */
export function dropUnread(dropped: Tally, owner: string, raw: unknown, read: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(raw as Record<string, unknown>)) {
    if (!Object.hasOwn(read, key) && !isEmpty(value)) dropped.add(`${owner}.${key}`);
  }
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);

/** The first thing wrong with a line, without its content. */
export const faultOf = (error: z.ZodError): string => {
  const issue = error.issues[0];
  return `${issue?.path.join('.') || 'the line'} is missing or malformed (${issue?.code})`;
};
