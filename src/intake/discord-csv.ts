import { hash } from 'node:crypto';
import { lineFeeds, nulWarnings, recordEvent } from './checked-event.ts';
import { attached, type Attached } from './discord-attachment.ts';
import { csvRows, type Row } from './discord-csv-rows.ts';
import type { ChannelFile } from './discord-file.ts';
import { once, seen, takesPart, type Reading, type Sighting } from './discord-people.ts';
import type { Position, SourceEvent } from './records.ts';

/** How often a time and an author have been met in one file set: by time, then by author. */
export type Repeats = Map<string, Map<string, number>>;

const COLUMNS = ['AuthorID', 'Author', 'Date', 'Content', 'Attachments', 'Reactions'];
const NO_ZONE = 'The times of this CSV export have no time zone and were taken as UTC.';
const NO_MENTIONS =
  'CSV exports hold mentions as plain text, which an erasure does not reach; export as JSON to have them as mentions.';

/** One CSV file of a channel. `repeats` is kept from part to part of one export. */
export async function* discordCsv(
  reading: Reading,
  { file, conversation }: ChannelFile,
  repeats: Repeats,
): AsyncGenerator<SourceEvent> {
  let known = false;
  for await (const row of csvRows(file)) {
    const at = { file: file.path, line: row.line };
    if ('fault' in row) yield { kind: 'skipped', at, what: 'row', reason: row.fault };
    else if (known) yield* message(reading, conversation.externalId, row, at, repeats);
    else if (COLUMNS.some((column, index) => row.cells[index] !== column)) {
      return yield { kind: 'skipped', at, what: 'file', reason: 'Its first line is not that of a Discord CSV export.' };
    } else {
      known = true;
      yield* begin(reading, conversation, at);
    }
  }
  if (!known) yield { kind: 'skipped', at: { file: file.path, line: 1 }, what: 'file', reason: 'The file is empty.' };
}

/** The conversation, when it is first met. */
export function* begin(reading: Reading, conversation: ChannelFile['conversation'], at: Position): Generator<SourceEvent> {
  if (reading.conversations.has(conversation.externalId)) return;
  reading.conversations.add(conversation.externalId);
  yield recordEvent({ type: 'conversation', ...conversation }, at);
}

const NONE: Attached = { attachments: [], content: new Map(), stripped: 0, missing: 0 };

async function* message(
  reading: Reading,
  conversation: string,
  row: Extract<Row, { cells: string[] }>,
  at: { file: string; line: number },
  repeats: Repeats,
): AsyncGenerator<SourceEvent> {
  const [authorId = '', author = '', date = '', body = '', links = '', reactions = '', ...rest] = row.cells;
  // A separator at the end of the line makes a seventh, empty cell.
  if (row.cells.length < COLUMNS.length || rest.join('') !== '') {
    return yield { kind: 'skipped', at, what: 'row', reason: 'The row has not the six cells of its header.' };
  }
  const time = timeOf(date);
  if (!time) return yield { kind: 'skipped', at, what: 'row', reason: 'Its date is not one that DiscordChatExporter writes.' };
  if (!/^\d{1,20}$/.test(authorId)) return yield { kind: 'skipped', at, what: 'row', reason: 'Its author id is no Discord id.' };
  if (!time.zoned) yield* once(reading, NO_ZONE, at);
  if (body.includes('@')) yield* once(reading, NO_MENTIONS, at);
  yield* seen(reading, asSighting(authorId, author), Date.parse(time.iso), at);
  yield* takesPart(reading, conversation, authorId, at);
  const externalId = rowId(repeats, time, authorId);
  // Rows come by the million, and hardly any has an attachment.
  const { attachments, content, stripped, missing } =
    links === '' ? NONE : await attached(reading.source, at.file, externalId, linksOf(links));
  reading.dropped.add('attachment link credentials', stripped);
  if (missing > 0)
    yield { kind: 'warning', at, message: 'A file of an attachment is not in the export: held without its content.' };
  if (body.includes('\0')) yield* nulWarnings(body, at, (index) => at.line + lineFeeds(author + body.slice(0, index)));
  yield recordEvent(
    {
      type: 'message',
      externalId,
      conversation,
      author: authorId,
      sentAt: time.iso,
      body,
      metadata: countsOf(reactions),
      attachments,
    },
    at,
    content,
  );
}

/** `name#1234`; newer accounts have no number, which was written as `#0000` for a while. */
function asSighting(id: string, author: string): Sighting {
  const displayName = author.replace(/#\d{4}$/, '');
  return { id, handle: author, displayName, bot: false };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const OF_2019 = /^(\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}) ([AP])M$/;
const OF_NOW = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

interface Time {
  iso: string;
  /** The time as precisely as the export gives it, for the id. */
  key: string;
  zoned: boolean;
}

/** `17-May-19 01:47 PM` (no zone: taken as UTC) or ISO 8601. */
function timeOf(date: string): Time | undefined {
  if (OF_NOW.test(date)) {
    const ms = Date.parse(date);
    if (Number.isNaN(ms)) return undefined;
    const iso = new Date(ms).toISOString();
    return { iso, key: iso, zoned: true };
  }
  const [, day, month = '', year, hour, minute, half] = OF_2019.exec(date) ?? [];
  const index = MONTHS.indexOf(month);
  if (index === -1 || Number(hour) < 1 || Number(hour) > 12 || Number(minute) > 59) return undefined;
  const time = new Date(
    Date.UTC(2000 + Number(year), index, Number(day), (Number(hour) % 12) + (half === 'P' ? 12 : 0), Number(minute)),
  );
  // 31 June would have become 1 July.
  if (time.getUTCDate() !== Number(day)) return undefined;
  const iso = time.toISOString();
  return { iso, key: `${iso.slice(0, 16)}Z`, zoned: false };
}

/** Enough for clocks that are set back and for parts that meet within a minute; bounded, so that memory is. */
const TIMES_REMEMBERED = 50_000;

/** CSV has no message ids: the time, and a hash of the author (ids outlive an erasure) and of which of their rows at that time it is. */
function rowId(repeats: Repeats, { key }: Time, authorId: string): string {
  let authors = repeats.get(key);
  if (!authors) {
    authors = new Map();
    repeats.set(key, authors);
    if (repeats.size > TIMES_REMEMBERED) repeats.delete(repeats.keys().next().value!);
  }
  const nth = (authors.get(authorId) ?? 0) + 1;
  authors.set(authorId, nth);
  return `${key}-${hash('sha256', `${authorId}\n${nth}`).slice(0, 16)}`;
}

/** Links hold no comma; files beside the export may, and cannot be told apart then. */
const linksOf = (cell: string): { url: string }[] =>
  cell === '' ? [] : cell.split(/^https?:\/\//.test(cell) ? /,(?=https?:\/\/)/ : ',').map((url) => ({ url: url.trim() }));

/** `emoji (3),other (1)`: how often, not by whom. */
function countsOf(cell: string): { reactionCounts?: Record<string, number> } {
  if (cell === '') return {};
  const counts: [string, number][] = [];
  for (const [, emoji = '', count] of cell.matchAll(/(?:^|,)\s*(.+?) \((\d+)\)(?=,|$)/gs)) counts.push([emoji, Number(count)]);
  return counts.length > 0 ? { reactionCounts: Object.fromEntries(counts) } : {};
}
