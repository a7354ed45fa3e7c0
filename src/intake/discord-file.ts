import { hash } from 'node:crypto';
import { basename, posix, resolve } from 'node:path';
import type { ConversationKind } from './discord-people.ts';
import type { SourceFile } from './source.ts';

/** One file of a channel. An export that was split (`[part 2]`, or folders of 1.csv, 2.csv, ...) is a set of parts, to be read in their order. */
export interface ChannelFile {
  file: SourceFile;
  set: string;
  part: number;
  conversation: { externalId: string; kind: ConversationKind; name?: string };
}

const PART = / \[part (\d+)\]$/;
const DATES = / \((?:(?:after|before) \d{4}-\d\d-\d\d|\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d)\)$/;
const CHANNEL_ID = / ?\[(\d{5,20})\]$/;

/**
 * What DiscordChatExporter's file names say: `Guild - Category - Channel [id] (after 2020-01-01) [part 2].csv`, or `Category/Channel/2.csv`, or
 * `id.csv`. CSV files say it nowhere else. The channel's id is the conversation's where it is known, else the names are.
 */
export function channelFile(file: SourceFile, sourcePath: string): ChannelFile {
  const folders = file.path.split('/').slice(0, -1);
  const stem = posix.basename(file.path, posix.extname(file.path));
  const whole = stem.replace(PART, '');
  const part = Number(PART.exec(stem)?.[1] ?? 1);
  const at = (set: string, named: number, conversation: ChannelFile['conversation']): ChannelFile => ({
    file,
    set,
    part: named,
    conversation,
  });

  if (/^\d{15,20}$/.test(whole)) return at([...folders, whole].join('/'), part, { externalId: whole, kind: 'PUBLIC_GROUP' });
  if (/^\d+$/.test(whole)) {
    const names = folders.length > 0 ? folders.slice(-2) : [basename(resolve(sourcePath))];
    return at(folders.join('/'), Number(whole), group(names.join('/'), names.at(-1)));
  }
  const undated = whole.replace(DATES, '');
  const id = CHANNEL_ID.exec(undated)?.[1];
  const names = undated.replace(CHANNEL_ID, '').split(' - ');
  const set = [...folders, whole].join('/');
  if (names[0] === 'Direct Messages') {
    // The name of such a channel is that of the people in it, and must not stand in an id.
    const kind = names[1] === 'Group' ? 'PRIVATE_GROUP' : 'DIRECT';
    return at(set, part, { externalId: id ?? `dm:${hash('sha256', undated)}`, kind });
  }
  const name = names.length > 2 ? names.slice(2).join(' - ') : names.at(-1);
  if (id) return at(set, part, { ...group(id, name), externalId: id });
  return at(set, part, group(names.length > 1 ? names.join('/') : [...folders.slice(-1), ...names].join('/'), name));
}

const group = (externalId: string, name: string | undefined): ChannelFile['conversation'] => ({
  externalId: externalId.length > 200 ? `channel:${hash('sha256', externalId)}` : externalId,
  kind: 'PUBLIC_GROUP',
  ...(name && { name: name.slice(0, 512) }),
});

/** Sets in the order of their names, each set's parts by number: 2 before 10. */
export const inOrder = (a: ChannelFile, b: ChannelFile): number => (a.set === b.set ? a.part - b.part : a.set < b.set ? -1 : 1);
