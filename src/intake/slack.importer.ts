import { Refusal } from '../errors.ts';
import { recordEvent } from './checked-event.ts';
import { asText } from './loose.ts';
import type { Importer, SourceEvent } from './records.ts';
import { CONVERSATION_LISTS, conversationOfFolder, toConversation } from './slack-conversation.ts';
import { elementsOf, identified, meet, newExport, progress, type SlackExport } from './slack-export.ts';
import { archivedAt, readFolder } from './slack-folder.ts';
import { toUser } from './slack-user.ts';
import { openSource, type SourceFile } from './source.ts';

const USER_LISTS = ['users.json', 'org_users.json'];

/** Reads a Slack workspace export: a folder or a zip, of any plan, from 2015 on. Holds one day of one conversation at a time. */
export const importSlack: Importer = async function* (path) {
  const source = await openSource(path);
  try {
    const slack = newExport(source);
    yield* readUsers(slack);
    yield* readConversations(slack);
    for (const [folder, files] of foldersOf(slack)) {
      yield* meetFolder(slack, folder, files);
      const conversation = slack.conversations.get(folder);
      if (conversation) yield* readFolder(slack, conversation, files);
    }
    for (const file of source.files.filter((each) => !each.path.includes('/') && !isList(each.path)))
      yield* skipFile(slack, file);
    yield* slack.tally.events();
  } finally {
    await source.close();
  }
};

const isList = (path: string): boolean => USER_LISTS.includes(path) || CONVERSATION_LISTS.some(([list]) => list === path);

async function* readUsers(slack: SlackExport): AsyncGenerator<SourceEvent> {
  const lists = slack.source.files.filter((file) => USER_LISTS.includes(file.path));
  if (lists.length === 0)
    throw new Refusal('INVALID_INPUT', 'users.json is missing: this is not a Slack export, or not a whole one.');
  for (const file of lists) {
    for await (const item of identified(file, 'user', slack.users)) {
      if ('skipped' in item) {
        yield item.skipped;
        continue;
      }
      const event = recordEvent(toUser(item.entry, item.id, slack.tally), item.at);
      yield event;
      if (event.kind !== 'record') continue;
      slack.users.add(item.id);
      const handle = asText(item.entry.name);
      if (handle !== undefined) slack.handles.set(handle, item.id);
    }
    yield progress(slack, file);
  }
}

async function* readConversations(slack: SlackExport): AsyncGenerator<SourceEvent> {
  const met = new Set<string>();
  const folders = foldersOf(slack);
  for (const [list, kind] of CONVERSATION_LISTS) {
    const file = slack.source.files.find(({ path }) => path === list);
    if (!file) continue;
    for await (const item of identified(file, 'conversation', met)) {
      if ('skipped' in item) {
        yield item.skipped;
        continue;
      }
      const { entry, id, at } = item;
      const conversation = toConversation(entry, id, list, kind, slack.tally);
      const name = asText(entry.name) ?? id;
      met.add(id);
      if (conversation.record.name !== undefined) slack.channelNames.set(id, conversation.record.name);
      for (const folder of [name, id]) if (!slack.conversations.has(folder)) slack.conversations.set(folder, conversation);
      yield* meet(slack, conversation.members, at);
      if (conversation.isArchived) {
        const archived = await archivedAt(folders.get(name) ?? folders.get(id) ?? [], conversation.record.createdAt);
        if (archived.iso !== undefined) conversation.record.archivedAt = archived.iso;
        if (!archived.stated) yield { kind: 'warning', at, message: archived.message };
      }
      yield recordEvent(conversation.record, at);
    }
    yield progress(slack, file);
  }
}

/** The folders of the export with their files, in the order of their names. */
function foldersOf(slack: SlackExport): Map<string, SourceFile[]> {
  return Map.groupBy(
    slack.source.files.filter((file) => file.path.includes('/')),
    (file) => file.path.slice(0, file.path.indexOf('/')),
  );
}

function* meetFolder(slack: SlackExport, folder: string, files: SourceFile[]): Generator<SourceEvent> {
  if (slack.conversations.has(folder) || !files.some((file) => file.path.endsWith('.json'))) return;
  // Only an export of everything lists private conversations; in a public one whatever stands there was public.
  const isPublic = !slack.source.files.some(({ path }) => ['groups.json', 'dms.json', 'mpims.json'].includes(path));
  const conversation = conversationOfFolder(folder, isPublic ? 'PUBLIC_GROUP' : 'PRIVATE_GROUP');
  slack.conversations.set(folder, conversation);
  const at = { file: `${conversation.shownFolder}/` };
  yield recordEvent(conversation.record, at);
  yield {
    kind: 'warning',
    at,
    message: 'No list names this folder: its conversation is taken over from the folder alone, without members.',
  };
}

const NOT_TAKEN: Readonly<Record<string, string>> = {
  'integration_logs.json': 'activity of apps has no counterpart',
  'canvases.json': 'canvases have no counterpart; their content is not in an export',
  'lists.json': 'lists have no counterpart; their content is not in an export',
  'content_flags.json': 'content flags have no counterpart',
  'huddle_transcripts.json': 'transcripts have no counterpart',
  'file_conversations.json': 'conversations about files have no counterpart',
};

async function* skipFile(slack: SlackExport, file: SourceFile): AsyncGenerator<SourceEvent> {
  const reason = Object.hasOwn(NOT_TAKEN, file.path) ? NOT_TAKEN[file.path] : undefined;
  if (reason === undefined) {
    yield { kind: 'skipped', at: { file: file.path }, what: 'file', reason: 'not a part of a Slack export' };
  } else {
    try {
      const what = file.path.replace('.json', '');
      for await (const { at } of elementsOf(file)) yield { kind: 'skipped', at, what, reason };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      yield { kind: 'skipped', at: { file: file.path }, what: 'file', reason: error.message };
    }
  }
  yield progress(slack, file);
}
