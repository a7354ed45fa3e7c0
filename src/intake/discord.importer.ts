import { posix } from 'node:path';
import { Refusal } from '../errors.ts';
import { discordCsv, type Repeats } from './discord-csv.ts';
import { channelFile, inOrder, type ChannelFile } from './discord-file.ts';
import { discordJson } from './discord-json.ts';
import { settled, type Reading } from './discord-people.ts';
import type { Importer, SourceEvent } from './records.ts';
import { openSource, type Source } from './source.ts';
import { Tally } from './tally.ts';

const PROGRESS_BYTES = 1 << 20;

/**
 * What DiscordChatExporter writes: a file a channel, or several, as CSV (of 2019 and now) or JSON; one of them, a folder or a zip. Memory
 * holds the people and their names, never the messages.
 */
export const importDiscord: Importer = async function* (path) {
  const source = await openSource(path);
  try {
    const { exports, skipped } = exportFiles(source, path);
    if (exports.length === 0)
      throw new Refusal('INVALID_INPUT', `There is no CSV or JSON file of DiscordChatExporter in ${path}.`);
    yield* skipped;
    yield* readAll(exports, {
      source,
      people: new Map(),
      conversations: new Set(),
      participants: new Set(),
      said: new Set(),
      dropped: new Tally(),
    });
  } finally {
    await source.close();
  }
};

async function* readAll(exports: ChannelFile[], reading: Reading): AsyncGenerator<SourceEvent> {
  const total = exports.reduce((sum, { file }) => sum + file.size, 0);
  let repeats: Repeats = new Map();
  let set: string | undefined;
  let done = 0;
  let reported = 0;
  for (const channel of exports) {
    // Parts of one export continue each other; another export of the same channel tells the same messages again.
    if (channel.set !== set) repeats = new Map();
    set = channel.set;
    yield* isJson(channel.file.path)
      ? discordJson(reading, channel, { from: done, total })
      : discordCsv(reading, channel, repeats);
    done += channel.file.size;
    if (done - reported < PROGRESS_BYTES) continue;
    reported = done;
    yield { kind: 'progress', done, total };
  }
  if (reading.conversations.size === 0) {
    throw new Refusal(
      'INVALID_INPUT',
      `${exports[0]?.file.path}:1: this is no export of DiscordChatExporter, nor is any other file here.`,
    );
  }
  yield* settled(reading);
  yield* reading.dropped.events();
  yield { kind: 'progress', done: total, total };
}

const isJson = (path: string): boolean => /\.json$/i.test(path);

/** The files to read, in order. Media that was exported along lies in folders `…_Files`, and is read with the message it belongs to. */
function exportFiles(source: Source, path: string): { exports: ChannelFile[]; skipped: SourceEvent[] } {
  const skipped: SourceEvent[] = [];
  const exports: ChannelFile[] = [];
  const skip = (file: string, reason: string): void => void skipped.push({ kind: 'skipped', at: { file }, what: 'file', reason });
  const stemOf = (name: string): string => name.slice(0, -posix.extname(name).length);
  const jsonStems = new Set(source.files.filter((file) => isJson(file.path)).map((file) => stemOf(file.path)));
  for (const file of source.files) {
    if (/_Files\//.test(file.path)) continue;
    if (!/\.(?:csv|json)$/i.test(file.path)) skip(file.path, 'Only CSV and JSON can be read.');
    else if (!isJson(file.path) && jsonStems.has(stemOf(file.path)))
      skip(file.path, 'The JSON file of the same name holds the same, and more.');
    else exports.push(channelFile(file, path));
  }
  return { exports: exports.sort(inOrder), skipped };
}
