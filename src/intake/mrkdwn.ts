import { withoutCredentials } from './link.ts';
import type { Tally } from './tally.ts';

/** What a text may refer to. */
export interface Directory {
  isUser(id: string): boolean;
  userOfHandle(handle: string): string | undefined;
  channelName(id: string): string | undefined;
}

export interface PlainText {
  /** A mention stands as `<@ID>`. */
  body: string;
  /** Who is mentioned, each once. */
  mentions: string[];
  /** Somebody also typed `<@ID>` by hand, for one who is truly mentioned: the two cannot be told apart in `body`. */
  ambiguous: boolean;
}

/**
 * Slack's mrkdwn as plain text. Slack escapes whatever a person types, so `<…>` is always its own mark: a mention, a
 * channel, a link. Copies of people's names, their handles in Slack's links and credentials are left out, and counted.
 */
export function toPlainText(mrkdwn: string, directory: Directory, tally: Tally): PlainText {
  const mentions = new Set<string>();
  const typed = new Set<string>();
  const plain = (text: string): string => withBareIds(text, directory, mentions, typed, tally);
  const body = mrkdwn.replaceAll(/<([^<>]*)>|[^<>]+|[<>]/g, (all: string, mark: string | undefined) => {
    if (mark === undefined) return plain(unescape(all).replaceAll(/https?:\/\/[^\s"'()<>]+/g, (url) => cleanLink(url, tally)));
    const mentioned = mentionIn(mark, directory, tally);
    if (mentioned === undefined) return plain(markToText(mark, directory, tally));
    mentions.add(mentioned);
    return `<@${mentioned}>`;
  });
  return { body, mentions: [...mentions], ambiguous: [...typed].some((id) => mentions.has(id)) };
}

const unescape = (text: string): string => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** Slack writes ids into its own sentences ("commented on U123's file") and links: they are mentions as well. */
function withBareIds(text: string, directory: Directory, mentions: Set<string>, typed: Set<string>, tally: Tally): string {
  return text.replaceAll(/<@([A-Z0-9]+)>|(?<![A-Za-z0-9])[UW][A-Z0-9]{6,}(?![A-Za-z0-9])/g, (all: string, literal?: string) => {
    if (literal !== undefined) typed.add(literal);
    if (literal !== undefined || !directory.isUser(all)) return all;
    tally.add('bare user id (made a mention)');
    mentions.add(all);
    return `<@${all}>`;
  });
}

function mentionIn(mark: string, directory: Directory, tally: Tally): string | undefined {
  const [target, copy] = splitLabel(mark);
  const id = /^@([A-Z0-9]+)$/.exec(target)?.[1];
  if (id !== undefined) {
    if (copy !== undefined) tally.add('name copied into a mention');
    return id;
  }
  // A link to somebody's profile says who is meant by their handle, or by their id.
  const person = /^https?:\/\/[^/]+\.slack\.com\/team\/([^/?#]+)\/?$/.exec(target)?.[1];
  if (person === undefined) return undefined;
  const user = directory.isUser(person) ? person : directory.userOfHandle(person);
  if (user !== undefined) tally.add('link to a profile (made a mention)');
  return user;
}

function splitLabel(mark: string): [string, string | undefined] {
  const bar = mark.indexOf('|');
  return bar === -1 ? [unescape(mark), undefined] : [unescape(mark.slice(0, bar)), unescape(mark.slice(bar + 1))];
}

function markToText(mark: string, directory: Directory, tally: Tally): string {
  const [target, label] = splitLabel(mark);
  if (target.startsWith('#')) return `#${label || (directory.channelName(target.slice(1)) ?? target.slice(1))}`;
  if (target.startsWith('!')) {
    if (label) return label.startsWith('@') || target.startsWith('!date') ? label : `@${label}`;
    return `@${target.slice(1).split('^')[0] ?? ''}`;
  }
  const url = cleanLink(target, tally);
  const bare = url.replace(/^(?:mailto|tel):/, '');
  if (!label || label === target || label === bare) return bare;
  return label === url.replace(/^https?:\/\//, '').replace(/\/$/, '') ? url : `${label} (${bare})`;
}

/** Slack's link to a file names its owner in the path. */
function cleanLink(url: string, tally: Tally): string {
  const anonymous = url.replace(/^(https?:\/\/[^/]+\.slack\.com\/files)\/[^/?#]+\/(F[A-Z0-9]+)/, '$1/$2');
  if (anonymous !== url) tally.add('owner named in a file link');
  const clean = withoutCredentials(anonymous);
  if (clean !== anonymous) tally.add('credential in a link');
  return clean;
}
