import { openSealed } from '../../artefacts/sealed-stream.ts';
import { safeName } from '../../artefacts/entry-names.ts';
import type { PackageEntry } from '../../artefacts/package.ts';
import { mentionedIds, renderMentions } from '../../data/mention.ts';
import type { ExportColumn, Holding } from '../../data/holding.ts';
import { place } from '../../data/place.ts';
import { queryArrays } from '../../database/arrays.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import { unsealText } from '../../keys/sealed-value.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { System } from '../../system.ts';
import type { People } from './people.ts';
import { pageSelect } from './page-select.ts';
import { openedPages, toIso, type ReadPage, type Row, type Section, type Walk } from './walk.ts';

/** A row as it was read: whose key seals it, its key, and at its end its columns. */
export type RawRow = unknown[];
const SEALING = 0;
export const KEY = 1;

/** A row as it was read, and as a package shows it. */
export interface OpenedRow {
  raw: RawRow;
  row: Row;
}

/** Opens the columns of rows. Sealed values whose key is gone belong to somebody erased: their rows are left out. */
export async function openRows(
  session: Session,
  columns: readonly ExportColumn[],
  raw: readonly RawRow[],
  people: People,
): Promise<OpenedRow[]> {
  const { db, scope, system } = session;
  const sealings = new Set(raw.map((one) => one[SEALING] as string | null));
  sealings.delete(null);
  const keys = await subjectKeys(system.keys, db, scope.tenantId, [...sealings] as string[]);
  const naming = columns.flatMap((column, index) => (column.as === 'person' || isMentioning(column) ? { column, index } : []));
  const opened: OpenedRow[] = [];
  const met = new Set<string>();
  for (const one of raw) {
    const row = openRow(columns, one, scope.tenantId, keys);
    if (!row) continue;
    opened.push({ raw: one, row });
    for (const { column, index } of naming) meetIn(column, row[index], met);
  }
  await people.meet(session, met);
  for (const { row } of opened) for (const { column, index } of naming) row[index] = show(column, row[index], people);
  return opened;
}

const isMentioning = (column: ExportColumn): boolean => column.as === 'sealed' && column.mentions === true;

function openRow(
  columns: readonly ExportColumn[],
  raw: RawRow,
  tenantId: string,
  keys: ReadonlyMap<string, Buffer>,
): Row | undefined {
  const row = raw.slice(raw.length - columns.length);
  for (let index = 0; index < columns.length; index += 1) {
    const cell = openCell(columns[index]!, row[index], raw, tenantId, keys);
    if (cell === UNREADABLE) return undefined;
    row[index] = cell;
  }
  return row;
}

const UNREADABLE = Symbol('unreadable');

function openCell(
  column: ExportColumn,
  value: unknown,
  row: RawRow,
  tenantId: string,
  keys: ReadonlyMap<string, Buffer>,
): unknown {
  if (value === null) return null;
  switch (column.as) {
    case 'bigint':
      return Number(value);
    case 'time':
      return toIso(value as string);
    case 'sealed':
    case 'sealed-json': {
      const sealing = row[SEALING] as string;
      const key = keys.get(sealing);
      if (!key) return UNREADABLE;
      const text = unsealText(key, place(tenantId, sealing, column.sealed, row[KEY] as string), value as Buffer);
      return column.as === 'sealed' ? text : (JSON.parse(text) as unknown);
    }
    default:
      return value;
  }
}

function meetIn(column: ExportColumn, cell: unknown, met: Set<string>): void {
  if (typeof cell !== 'string') return;
  if (column.as === 'person') met.add(cell);
  else for (const id of mentionedIds(cell)) met.add(id);
}

function show(column: ExportColumn, cell: unknown, people: People): unknown {
  if (typeof cell !== 'string') return cell;
  return column.as === 'person' ? people.label(cell) : renderMentions(cell, (id) => mention(people.label(id)));
}

const mention = (label: string): string => `@${label}`;

async function* rawPages(walk: Walk, holding: Holding): AsyncGenerator<OpenedRow[]> {
  const key = holding.key.join(', ');
  const head = [holding.sealedBy, ...holding.key];
  const sql = (from: string): string =>
    pageSelect(
      {
        head,
        columns: holding.columns,
        from: `from ${holding.table} where tenant_id = $1 and ${holding.find} ${from}`,
        order: key,
      },
      walk.bytes.get(holding.category),
    );
  const next = `and (${key}) > (${holding.key.map((_, index) => `$${index + 3}`).join(', ')})`;
  const read: ReadPage<RawRow> = ({ db, scope }, last) => {
    const after = last?.slice(KEY, KEY + holding.key.length) ?? [];
    return queryArrays(db, sql(last ? next : ''), [scope.tenantId, walk.subjectId, ...after]);
  };
  const open = (session: Session, raw: readonly RawRow[]): Promise<OpenedRow[]> =>
    openRows(session, holding.columns, raw, walk.people);
  for await (const { rows, opened } of openedPages(walk, read, open)) {
    yield opened;
    await walk.onRows?.(rows.length);
  }
}

/** Reads a cell of a holding's rows by its column's name. */
function cellOf(holding: Holding, name: string): (row: Row) => unknown {
  const index = holding.columns.findIndex((column) => column.name === name);
  return (row) => row[index];
}

/** The name of a row's entry. It starts with the attachment's id, so no two are the same and the row can name it. */
function entryNames(walk: Walk, holding: Holding): (opened: OpenedRow) => string {
  const nameOf = cellOf(holding, 'name');
  return ({ raw, row }) => {
    const name = nameOf(row);
    const given = typeof name === 'string' ? name : '';
    const extension = /\.[0-9a-z]{1,8}$/i.exec(given)?.[0] ?? '';
    const id = raw[KEY] as string;
    return `files/${safeName(walk.openNames && given ? `${id}-${given}` : `${id}${extension}`)}`;
  };
}

/** A category of the person's own rows, page by page. Rows with content name the entry of the package that holds it. */
export function holdingSection(walk: Walk, holding: Holding): Section {
  const messageOf = cellOf(holding, 'messageId');
  const stored = cellOf(holding, 'stored');
  const entryName = entryNames(walk, holding);
  const shown = (opened: OpenedRow): Row => {
    const { raw, row } = opened;
    const message = holding.table === 'messages' ? raw[KEY] : messageOf(row);
    if (typeof message === 'string') walk.messages.add(message);
    return holding.content ? [...row, stored(row) ? entryName(opened) : null] : row;
  };
  async function* pagesOf(): AsyncGenerator<Row[]> {
    for await (const page of rawPages(walk, holding)) yield page.map(shown);
  }
  const columns = holding.columns.map((column) => column.name);
  return { part: 'data', name: holding.category, columns: holding.content ? [...columns, 'file'] : columns, pages: pagesOf() };
}

/** The content of the person's stored files, as entries of a package. One that cannot be read fails the package rather than going missing. */
export async function* holdingFiles(walk: Walk, system: System, tenantId: string): AsyncGenerator<PackageEntry> {
  const quiet = { ...walk, onRows: undefined };
  for (const holding of walk.holdings) {
    if (!holding.content) continue;
    const stored = cellOf(holding, 'stored');
    const size = cellOf(holding, 'size');
    const entryName = entryNames(walk, holding);
    for await (const page of rawPages(quiet as Walk, holding)) {
      for (const opened of page) {
        if (!stored(opened.row)) continue;
        const [sealing, id] = opened.raw as [string, string];
        const { key, context } = holding.content(tenantId, id);
        const sealingKey = (await walk.read(({ db }) => subjectKeys(system.keys, db, tenantId, [sealing]))).get(sealing);
        if (!sealingKey) throw new Error(`The key of attachment ${id} is gone.`);
        // Opened only once it is written, so that a package that is called off leaves no file open.
        const content = async function* (): AsyncGenerator<Buffer> {
          yield* openSealed(sealingKey, context, await system.files.open(key), size(opened.row) as number);
        };
        yield { name: entryName(opened), content: content() };
      }
    }
  }
}
