import { openSealed } from '../../artefacts/sealed-stream.ts';
import { safeName } from '../../artefacts/entry-names.ts';
import type { PackageEntry } from '../../artefacts/package.ts';
import { mentionedIds, renderMentions } from '../../data/mention.ts';
import type { ExportColumn, Holding } from '../../data/holding.ts';
import { place } from '../../data/place.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import { unsealText } from '../../keys/sealed-value.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { System } from '../../system.ts';
import type { People } from './people.ts';
import { isoTime, openedPages, PAGE, toIso, type ReadPage, type Row, type Section, type Walk } from './walk.ts';

/** A row as it was read: its key, whose key seals it, and its columns as `c0`, `c1`, ... */
export interface RawRow extends Record<string, unknown> {
  k0: string;
  sealing: string | null;
}

/** Opens the columns of rows. Sealed values whose key is gone belong to somebody erased: their rows are left out. */
export async function openRows(
  session: Session,
  columns: readonly ExportColumn[],
  raw: readonly RawRow[],
  people: People,
): Promise<{ raw: RawRow; row: Row }[]> {
  const { db, scope, system } = session;
  const keys = await subjectKeys(
    system.keys,
    db,
    scope.tenantId,
    raw.flatMap(({ sealing }) => sealing ?? []),
  );
  const opened = raw.flatMap((one) => {
    const cells = columns.map((column, index) => openCell(column, one[`c${index}`], one, scope.tenantId, keys));
    return cells.includes(UNREADABLE) ? [] : [{ raw: one, cells }];
  });
  const met = opened.flatMap(({ cells }) => columns.flatMap((column, index) => peopleIn(column, cells[index])));
  await people.meet(session, met);
  return opened.map(({ raw: one, cells }) => ({
    raw: one,
    row: Object.fromEntries(columns.map((column, index) => [column.name, show(column, cells[index], people)])),
  }));
}

const UNREADABLE = Symbol('unreadable');

function openCell(
  column: ExportColumn,
  value: unknown,
  row: RawRow,
  tenantId: string,
  keys: ReadonlyMap<string, Buffer>,
): unknown {
  if (value === null || value === undefined) return null;
  switch (column.as) {
    case 'bigint':
      return Number(value);
    case 'time':
      return toIso(value as string);
    case 'sealed':
    case 'sealed-json': {
      const key = keys.get(row.sealing ?? '');
      if (!key) return UNREADABLE;
      const text = unsealText(key, place(tenantId, row.sealing!, column.sealed, row.k0), value as Buffer);
      return column.as === 'sealed' ? text : (JSON.parse(text) as unknown);
    }
    default:
      return value;
  }
}

function peopleIn(column: ExportColumn, cell: unknown): string[] {
  if (typeof cell !== 'string') return [];
  if (column.as === 'person') return [cell];
  return column.as === 'sealed' && column.mentions ? mentionedIds(cell) : [];
}

function show(column: ExportColumn, cell: unknown, people: People): unknown {
  if (typeof cell !== 'string') return cell;
  if (column.as === 'person') return people.label(cell);
  return column.as === 'sealed' && column.mentions ? renderMentions(cell, (id) => mention(people.label(id))) : cell;
}

const mention = (label: string): string => `@${label}`;

const selected = (columns: readonly ExportColumn[]): string =>
  columns.map((column, index) => `${column.as === 'time' ? isoTime(column.column) : column.column} as c${index}`).join(', ');

async function* rawPages(walk: Walk, holding: Holding): AsyncGenerator<{ raw: RawRow; row: Row }[]> {
  const key = holding.key.join(', ');
  const sql = (
    from: string,
  ): string => `select ${holding.key.map((column, index) => `${column} as k${index}`).join(', ')}, ${holding.sealedBy} as sealing, ${selected(holding.columns)}
    from ${holding.table} where tenant_id = $1 and ${holding.find} ${from} order by ${key} limit ${PAGE}`;
  const next = `and (${key}) > (${holding.key.map((_, index) => `$${index + 3}`).join(', ')})`;
  const read: ReadPage<RawRow> = async ({ db, scope }, last) => {
    const after = last ? holding.key.map((_, index) => last[`k${index}`]) : [];
    return (await db.query(sql(last ? next : ''), [scope.tenantId, walk.subjectId, ...after])) as RawRow[];
  };
  const open = (session: Session, raw: readonly RawRow[]): Promise<{ raw: RawRow; row: Row }[]> =>
    openRows(session, holding.columns, raw, walk.people);
  for await (const { rows, opened } of openedPages(walk, read, open)) {
    yield opened;
    await walk.onRows?.(rows.length);
  }
}

/** The entry of a stored file. Its name starts with the attachment's id, so no two are the same and the row can name it. */
function entryName(walk: Walk, { k0 }: RawRow, name: unknown): string {
  const given = typeof name === 'string' ? name : '';
  const extension = /\.[0-9a-z]{1,8}$/i.exec(given)?.[0] ?? '';
  return `files/${safeName(walk.openNames && given ? `${k0}-${given}` : `${k0}${extension}`)}`;
}

/** A category of the person's own rows, page by page. Rows with content name the entry of the package that holds it. */
export function holdingSection(walk: Walk, holding: Holding): Section {
  async function* rows(): AsyncGenerator<Row> {
    for await (const page of rawPages(walk, holding)) {
      for (const { raw, row } of page) {
        const message = holding.table === 'messages' ? raw.k0 : row['messageId'];
        if (typeof message === 'string') walk.messages.add(message);
        yield holding.content ? { ...row, file: row['stored'] ? entryName(walk, raw, row['name']) : null } : row;
      }
    }
  }
  const columns = holding.columns.map((column) => column.name);
  return { part: 'data', name: holding.category, columns: holding.content ? [...columns, 'file'] : columns, rows: rows() };
}

/** The content of the person's stored files, as entries of a package. One that cannot be read fails the package rather than going missing. */
export async function* holdingFiles(walk: Walk, system: System, tenantId: string): AsyncGenerator<PackageEntry> {
  const quiet = { ...walk, onRows: undefined };
  for (const holding of walk.holdings) {
    if (!holding.content) continue;
    for await (const page of rawPages(quiet as Walk, holding)) {
      for (const { raw, row } of page) {
        if (!row['stored']) continue;
        const { key, context } = holding.content(tenantId, raw.k0);
        const sealingKey = (await walk.read(({ db }) => subjectKeys(system.keys, db, tenantId, [raw.sealing!]))).get(
          raw.sealing!,
        );
        if (!sealingKey) throw new Error(`The key of attachment ${raw.k0} is gone.`);
        // Opened only once it is written, so that a package that is called off leaves no file open.
        const content = async function* (): AsyncGenerator<Buffer> {
          yield* openSealed(sealingKey, context, await system.files.open(key), row['size'] as number);
        };
        yield { name: entryName(walk, raw, row['name']), content: content() };
      }
    }
  }
}
