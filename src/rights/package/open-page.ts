import { CellWriter, cellText, type CellPage, type Cells } from '../../artefacts/cells.ts';
import type { ExportColumn } from '../../data/holding.ts';
import { mentionedIds, renderMentions } from '../../data/mention.ts';
import {
  onlyRows,
  TYPES,
  UUID_LENGTH,
  uuidsOf,
  writeUuidText,
  type PackedColumn,
  type PackedPage,
} from '../../database/packed.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import { unsealRun } from '../../keys/sealed-run.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { People } from './people.ts';

/** The columns that stand before those of a package: whose key seals a row, and its key. */
export const SEALING = 0;
export const KEY = 1;

/** A page as a package shows it. */
export interface OpenedPage extends CellPage {
  /** What stands before. */
  head: readonly PackedColumn[];
  /** How many rows were read, with those that are left out. */
  read: number;
}

type Keys = ReadonlyMap<string, Buffer>;

/**
 * Opens a page: its head and its columns, in this order. Sealed values whose key is gone belong to somebody erased: their rows
 * are left out.
 */
export async function openPage(
  session: Session,
  columns: readonly ExportColumn[],
  read: PackedPage,
  people: People,
): Promise<OpenedPage> {
  const { db, scope, system } = session;
  const sealings = uuidsOf(read.columns[SEALING]!);
  const keys = await subjectKeys(
    system.keys,
    db,
    scope.tenantId,
    [...new Set(sealings)].filter((id) => id !== null),
  );
  const page = withoutUnreadable(read, columns, sealings, keys);
  const head = page.columns.slice(0, -columns.length);
  const shown = page.columns.slice(-columns.length);
  const opening = { tenantId: scope.tenantId, keys, sealings: uuidsOf(head[SEALING]!), key: head[KEY]! };
  const named = columns.map((column, index) => openColumn(column, shown[index]!, opening));
  await people.meet(session, peopleIn(named, page.rows));
  return {
    rows: page.rows,
    read: read.rows,
    columns: named.map((column) => ('show' in column ? column.show(people) : column)),
    head,
  };
}

function withoutUnreadable(
  page: PackedPage,
  columns: readonly ExportColumn[],
  sealings: readonly (string | null)[],
  keys: Keys,
): PackedPage {
  if (sealings.every((id) => id !== null && keys.has(id))) return page;
  const sealed = page.columns.slice(-columns.length).filter((_, index) => 'sealed' in columns[index]!);
  const readable: number[] = [];
  for (const [row, id] of sealings.entries())
    if ((id !== null && keys.has(id)) || sealed.every(({ start }) => start[row]! < 0)) readable.push(row);
  return onlyRows(page, readable);
}

interface Opening {
  tenantId: string;
  keys: Keys;
  /** Of each row. */
  sealings: readonly (string | null)[];
  key: PackedColumn;
}

/** A column that cannot be shown before it is known who the people in it are. */
interface Naming {
  /** Adds whom a row names. */
  meet(row: number, met: Set<string>): void;
  show(people: People): Cells;
}

/** Everybody who is named, row by row: that is the order in which they are met. */
function peopleIn(columns: readonly (Cells | Naming)[], rows: number): Set<string> {
  const naming = columns.filter((column) => 'meet' in column);
  const met = new Set<string>();
  for (let row = 0; row < rows; row += 1) for (const column of naming) column.meet(row, met);
  return met;
}

function openColumn(column: ExportColumn, packed: PackedColumn, opening: Opening): Cells | Naming {
  switch (column.as) {
    case 'time':
      return times(packed);
    case 'person':
      return persons(uuidsOf(packed));
    case 'sealed':
    case 'sealed-json': {
      const cells = unsealColumn(column, packed, opening);
      return column.as === 'sealed' && column.mentions ? mentions(cells) : cells;
    }
    default:
      return plain(packed);
  }
}

const NUMBERS: Record<number, (bytes: Buffer, at: number) => string> = {
  [TYPES.bool]: (bytes, at) => (bytes[at] ? 'true' : 'false'),
  [TYPES.smallint]: (bytes, at) => String(bytes.readInt16BE(at)),
  [TYPES.integer]: (bytes, at) => String(bytes.readInt32BE(at)),
  [TYPES.bigint]: (bytes, at) => String(bytes.readBigInt64BE(at)),
};

function plain(packed: PackedColumn): Cells {
  const { type, bytes, start } = packed;
  if (type === TYPES.text) return packed;
  const writer = new CellWriter(start.length, UUID_LENGTH * start.length);
  const number = NUMBERS[type];
  if (!number && type !== TYPES.uuid) throw new Error(`A column of type ${type} is shown by no package.`);
  for (const at of start) {
    if (at < 0) writer.text(null);
    else if (number) writer.text(number(bytes, at));
    else {
      const room = writer.room(UUID_LENGTH);
      writeUuidText(bytes, at, room.buffer, room.at);
    }
  }
  return writer.cells(number !== undefined);
}

/** Microseconds from 1970 to 2000, from which PostgreSQL counts. */
const EPOCH = 946_684_800_000_000;
const DAY = 86_400_000_000;

/** ISO 8601 in UTC, with as many digits of a second as it takes. A day is formatted once for all that follow one another in it. */
function times({ type, bytes, start }: PackedColumn): Cells {
  if (type !== TYPES.timestamptz) throw new Error(`A column of type ${type} holds no times.`);
  const writer = new CellWriter(start.length, TIME_LENGTH * start.length);
  let day = NaN;
  let date = '';
  for (const at of start) {
    if (at < 0) {
      writer.text(null);
      continue;
    }
    const time = splitTime(bytes, at);
    if (time.day !== day) {
      day = time.day;
      date = new Date(day * (DAY / 1000)).toISOString().slice(0, -'00:00:00.000Z'.length);
    }
    writer.text(`${date}${timeOfDay(time.micros)}Z`);
  }
  return writer.cells();
}

/** The day, counted from 1970, and the microsecond in it. */
function splitTime(bytes: Buffer, at: number): { day: number; micros: number } {
  // In this order: only the last sum may be too large to be exact, and then it shows.
  const since = bytes.readInt32BE(at) * 2 ** 32 + EPOCH + bytes.readUInt32BE(at + 4);
  const remainder = Number.isSafeInteger(since)
    ? since % DAY
    : // Before 1685 and after 2255 a double does not hold every microsecond.
      Number((bytes.readBigInt64BE(at) + BigInt(EPOCH)) % BigInt(DAY));
  const micros = remainder < 0 ? remainder + DAY : remainder;
  return { day: Math.round((since - micros) / DAY), micros };
}

const TIME_LENGTH = '2026-01-01T00:00:00.000000Z'.length;
const two = (number: number): string => String(number).padStart(2, '0');

function timeOfDay(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const fraction = micros % 1e6;
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fraction ? `${clock}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}` : clock;
}

function unsealColumn(
  column: ExportColumn & { as: 'sealed' | 'sealed-json' },
  { type, bytes, start, end }: PackedColumn,
  { tenantId, keys, sealings, key }: Opening,
): Cells {
  if (type !== TYPES.bytea) throw new Error(`A column of type ${type} holds no sealed values.`);
  const writer = new CellWriter(start.length, bytes.length);
  const put = (plain: Uint8Array): void => writer.add(plain);
  const writeRow = (row: number, into: Buffer, at: number): number => writeUuidText(key.bytes, key.start[row]!, into, at);
  for (let row = 0; row < start.length;) {
    const first = row;
    const subjectId = sealings[row]!;
    while (row < start.length && start[row]! >= 0 && sealings[row] === subjectId) row += 1;
    const run = { place: { tenantId, subjectId, column: column.sealed }, bytes, start, end, writeRow };
    if (row > first) unsealRun(keys.get(subjectId)!, run, first, row, put);
    while (row < start.length && start[row]! < 0) {
      writer.add(null);
      row += 1;
    }
  }
  return writer.cells(column.as === 'sealed-json');
}

function persons(ids: readonly (string | null)[]): Naming {
  return {
    meet: (row, met) => {
      const id = ids[row]!;
      if (id !== null) met.add(id);
    },
    show: (people) => {
      const labels = new Map<string, Buffer>();
      const writer = new CellWriter(ids.length, 16 * ids.length);
      for (const id of ids) {
        if (id !== null && !labels.has(id)) labels.set(id, Buffer.from(people.label(id)));
        writer.add(id === null ? null : labels.get(id)!);
      }
      return writer.cells();
    },
  };
}

const AT = 0x40;

/** Texts that may mention people, where they do. */
function mentions(cells: Cells): Cells | Naming {
  const { bytes, start, end } = cells;
  if (!bytes.includes(AT)) return cells;
  const texts = new Map<number, string>();
  for (let row = 0; row < start.length; row += 1)
    if (start[row]! >= 0 && bytes.subarray(start[row], end[row]).includes(AT)) texts.set(row, cellText(cells, row)!);
  return {
    meet: (row, met) => {
      for (const id of mentionedIds(texts.get(row) ?? '')) met.add(id);
    },
    show: (people) => {
      const writer = new CellWriter(start.length, bytes.length);
      for (let row = 0; row < start.length; row += 1) {
        const text = texts.get(row);
        if (text !== undefined) writer.text(renderMentions(text, (id) => `@${people.label(id)}`));
        else writer.add(start[row]! < 0 ? null : bytes.subarray(start[row], end[row]));
      }
      return writer.cells();
    },
  };
}
