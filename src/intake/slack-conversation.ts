import { createHash } from 'node:crypto';
import type { Tally } from './tally.ts';
import { asLoose, asObjects, asText, asTexts, isLoose, type Loose } from './loose.ts';
import type { RawRecord } from './records.ts';
import { readSeconds } from './slack-time.ts';

export type RawConversation = Extract<RawRecord, { type: 'conversation' }>;

export interface SlackConversation {
  record: RawConversation;
  members: Set<string>;
  isArchived: boolean;
  /** The folder as reports may show it: that of a group's direct messages is named after the people in it. */
  shownFolder: string;
}

/** The lists of conversations in an export, and what each holds. */
export const CONVERSATION_LISTS = [
  ['channels.json', 'PUBLIC_GROUP'],
  ['groups.json', 'PRIVATE_GROUP'],
  ['mpims.json', 'PRIVATE_GROUP'],
  ['dms.json', 'DIRECT'],
] as const;

export function toConversation(
  raw: Loose,
  id: string,
  list: string,
  kind: RawConversation['kind'],
  tally: Tally,
): SlackConversation {
  const members = new Set(asTexts(raw.members));
  const createdAt = readSeconds(raw.created);
  const name = list === 'mpims.json' ? undefined : asText(raw.name);
  for (const field of ['topic', 'purpose']) {
    const told = isLoose(raw[field]) ? asText(asLoose(raw[field]).value) : undefined;
    if (told !== undefined) tally.add('topic or purpose of a conversation');
  }
  if (asText(raw.creator) !== undefined) tally.add('creator of a conversation');
  tally.add('place where a message is pinned', asObjects(raw.pins).length);
  return {
    record: {
      type: 'conversation',
      externalId: id,
      kind,
      ...(name === undefined ? {} : { name }),
      ...(createdAt === undefined ? {} : { createdAt }),
      participants: [...members].map((user) => ({ user })),
    },
    members,
    isArchived: raw.is_archived === true,
    shownFolder: list === 'mpims.json' ? id : (name ?? id),
  };
}

/** A folder that no list names: a conversation archived or renamed since, or a direct one. */
export function conversationOfFolder(folder: string, kind: RawConversation['kind']): SlackConversation {
  const own = (record: Omit<RawConversation, 'type'>): SlackConversation => ({
    record: { type: 'conversation', ...record },
    members: new Set(),
    isArchived: false,
    shownFolder: record.externalId,
  });
  if (/^D[A-Z0-9]{7,}$/.test(folder)) return own({ externalId: folder, kind: 'DIRECT' });
  if (/^[GC][A-Z0-9]{7,}$/.test(folder)) return own({ externalId: folder, kind: 'PRIVATE_GROUP' });
  // mpdm-ada--ben--cleo-1: the name is a list of people, and stays out of ids and reports.
  if (folder.startsWith('mpdm-')) {
    const digest = createHash('sha256').update(folder).digest('hex').slice(0, 16);
    return own({ externalId: `folder:mpdm-${digest}`, kind: 'PRIVATE_GROUP' });
  }
  return { ...own({ externalId: `folder:${folder}`, kind, name: folder }), shownFolder: folder };
}
