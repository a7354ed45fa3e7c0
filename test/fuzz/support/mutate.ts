import fc from 'fast-check';
import type { Export, Part } from './made-up.ts';
import { BYTES, CELLS, JSON_HAZARDS, KEYS } from './hazards.ts';

/** One change to an export. The numbers choose where and what; what they mean depends on what is there, so any of them is a change. */
export interface Mutation {
  how: (typeof STRUCTURAL)[number] | (typeof BYTEWISE)[number];
  file: number;
  at: number;
  what: number;
}
export const STRUCTURAL = ['replace', 'delete', 'double', 'rename', 'wrap', 'swap'] as const;
export const BYTEWISE = ['cut', 'flip', 'insert', 'drop', 'repeat', 'recode'] as const;

export const mutations = (hows: readonly Mutation['how'][]): fc.Arbitrary<Mutation[]> =>
  fc.array(fc.record({ how: fc.constantFrom(...hows), file: fc.nat(), at: fc.nat(), what: fc.nat() }), {
    minLength: 1,
    maxLength: 4,
  });

/** The files of an export as bytes, after its mutations. */
export function mutated(files: Export, changes: readonly Mutation[]): Map<string, Buffer> {
  const parts = structuredClone(files);
  const names = Object.keys(parts).filter((name) => !('bytes' in parts[name]!));
  for (const change of changes) if (isStructural(change.how)) changeStructure(parts[names[change.file % names.length]!]!, change);
  const bytes = new Map(Object.entries(parts).map(([name, part]) => [name, toBytes(part)]));
  for (const change of changes) {
    const name = names[change.file % names.length]!;
    if (!isStructural(change.how)) bytes.set(name, changeBytes(bytes.get(name)!, change));
  }
  return bytes;
}

const isStructural = (how: Mutation['how']): boolean => (STRUCTURAL as readonly string[]).includes(how);

// Stands for a JSON text until the value around it has been written.
const RAW = '\u0001raw:';
const raw = (index: number): string => `${RAW}${index % JSON_HAZARDS.length}\u0001`;
const toJson = (value: unknown): string =>
  (JSON.stringify(value) ?? 'null').replaceAll(/"\\u0001raw:(\d+)\\u0001"/g, (_, index) => JSON_HAZARDS[Number(index)]!);

export function toBytes(part: Part): Buffer {
  if ('json' in part) return Buffer.from(toJson(part.json));
  if ('lines' in part) return Buffer.from(part.lines.map((line) => `${toJson(line)}\n`).join(''));
  if ('bytes' in part) return Buffer.from(part.bytes);
  const quoted = (cell: string): string => (/[";,\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return Buffer.from(part.csv.map((row) => `${row.map(quoted).join(part.by)}\r\n`).join(''));
}

type Holder = Record<string, unknown> | unknown[];
interface Spot {
  holder: Holder;
  key: string;
}

/** Every place in a value that holds another. */
function spotsIn(value: unknown, found: Spot[] = []): Spot[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push({ holder: value as Holder, key });
    spotsIn((value as Record<string, unknown>)[key], found);
  }
  return found;
}

const valueOf = (part: Part): unknown =>
  'json' in part ? part.json : 'lines' in part ? part.lines : 'csv' in part ? part.csv : undefined;

function changeStructure(part: Part, { how, at, what }: Mutation): void {
  const spots = spotsIn({ top: valueOf(part) });
  const spot = spots[at % spots.length]!;
  const { holder, key } = spot;
  const held = (holder as Record<string, unknown>)[key];
  const put = (value: unknown): void => {
    const isTop = spot === spots[0];
    if (!isTop) Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
    else if ('json' in part) part.json = value;
  };
  if ('csv' in part) return changeCsv(part.csv, how, at, what);
  if (how === 'replace') put(raw(what));
  else if (how === 'wrap') put(what % 2 ? [held] : { [KEYS[what % KEYS.length]!]: held });
  else if (how === 'swap') {
    const other = spots[what % spots.length]!;
    // A copy: an object inside itself could not be written.
    put(structuredClone((other.holder as Record<string, unknown>)[other.key]));
  } else if (spot === spots[0]) put(raw(what));
  else if (how === 'double') {
    if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(held));
    else put([held, held]);
  } else if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else {
    delete holder[key];
    if (how === 'rename')
      Object.defineProperty(holder, KEYS[what % KEYS.length]!, {
        value: held,
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
}

function changeCsv(rows: string[][], how: Mutation['how'], at: number, what: number): void {
  const row = rows[at % rows.length];
  if (!row) return;
  const column = what % Math.max(1, row.length);
  const cell = CELLS[(at + what) % CELLS.length]!;
  if (how === 'replace' || how === 'rename') row[column] = cell;
  else if (how === 'delete') row.splice(column, 1);
  else if (how === 'double') rows.splice(at % rows.length, 0, [...row]);
  else if (how === 'wrap') row.push(cell);
  else [row[0], row[column]] = [row[column] ?? '', row[0] ?? ''];
}

function changeBytes(bytes: Buffer, { how, at, what }: Mutation): Buffer {
  if (bytes.length === 0) return BYTES[what % BYTES.length]!;
  const place = at % bytes.length;
  const some = 1 + (what % 64);
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (how) {
    case 'cut':
      return before;
    case 'flip':
      return Buffer.concat([before, Buffer.from([after[0]! ^ (1 + (what % 255))]), after.subarray(1)]);
    case 'insert':
      return Buffer.concat([before, BYTES[what % BYTES.length]!, after]);
    case 'drop':
      return Buffer.concat([before, after.subarray(some)]);
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, some), after]);
    default:
      return recoded(bytes, what);
  }
}

function recoded(bytes: Buffer, what: number): Buffer {
  const text = bytes.toString();
  const wide = Buffer.from(`\uFEFF${text}`, 'utf16le');
  return [
    wide,
    wide.subarray(2),
    Buffer.from(wide).swap16(),
    Buffer.from(text.replaceAll('e', 'é'), 'latin1'),
    Buffer.from(`\uFEFF\uFEFF${text}`),
  ][what % 5]!;
}
