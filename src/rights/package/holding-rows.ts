import { openSealed } from '../../artefacts/sealed-stream.ts';
import { cellText, textCells, type CellPage, type Cells } from '../../artefacts/cells.ts';
import { safeName } from '../../artefacts/entry-names.ts';
import type { PackageEntry } from '../../artefacts/package.ts';
import type { Holding } from '../../data/holding.ts';
import { queryPacked, TYPES, uuidsOf, uuidText, type PackedColumn, type PackedPage } from '../../database/packed.ts';
import { subjectKeys } from '../../keys/keyring.ts';
import type { System } from '../../system.ts';
import { KEY, openPage, SEALING, type OpenedPage } from './open-page.ts';
import { pageSelect } from './page-select.ts';
import { openedPages, type ReadPage, type Section, type Walk } from './walk.ts';

function lastOf({ type, bytes, start, end }: PackedColumn): string {
  const from = start.at(-1)!;
  const to = end.at(-1)!;
  return type === TYPES.uuid ? uuidText(bytes, from) : bytes.toString('utf8', from, to);
}

async function* rowPages(walk: Walk, holding: Holding): AsyncGenerator<OpenedPage> {
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
  const read: ReadPage<PackedPage> = ({ db, scope }, before) => {
    const after = before?.columns.slice(KEY, KEY + holding.key.length).map(lastOf) ?? [];
    return queryPacked(db, sql(before ? next : ''), [scope.tenantId, walk.subjectId, ...after]);
  };
  for await (const page of openedPages(walk, read, (session, raw) => openPage(session, holding.columns, raw, walk.people))) {
    yield page;
    await walk.onRows?.(page.read);
  }
}

/** Reads a column's cells by its name. */
const cellsOf = (holding: Holding, { columns }: CellPage, name: string): Cells | undefined =>
  columns[holding.columns.findIndex((column) => column.name === name)];

/** A row with content in the file store: its id, the name of its entry, and how large the content is. */
interface StoredRow {
  row: number;
  id: string;
  entry: string;
  size: number;
}

/** The rows of a page that have content. The name of an entry starts with the attachment's id, so no two are the same and the row can name it. */
function storedRows(walk: Walk, holding: Holding, page: OpenedPage): StoredRow[] {
  const text = (name: string, row: number): string => cellText(cellsOf(holding, page, name)!, row) ?? '';
  const ids = uuidsOf(page.head[KEY]!);
  return ids.flatMap((id, row) => {
    if (id === null || text('stored', row) !== 'true') return [];
    const given = text('name', row);
    const extension = /\.[0-9a-z]{1,8}$/i.exec(given)?.[0] ?? '';
    const entry = `files/${safeName(walk.openNames && given ? `${id}-${given}` : `${id}${extension}`)}`;
    return { row, id, entry, size: Number(text('size', row)) };
  });
}

/** A category of the person's own rows, page by page. Rows with content name the entry of the package that holds it. */
export function holdingSection(walk: Walk, holding: Holding): Section {
  async function* pagesOf(): AsyncGenerator<CellPage> {
    for await (const page of rowPages(walk, holding)) {
      noteMessages(walk, holding, page);
      yield holding.content ? { ...page, columns: [...page.columns, entryCells(walk, holding, page)] } : page;
    }
  }
  const columns = holding.columns.map((column) => column.name);
  return { part: 'data', name: holding.category, columns: holding.content ? [...columns, 'file'] : columns, pages: pagesOf() };
}

function noteMessages(walk: Walk, holding: Holding, page: OpenedPage): void {
  if (holding.table === 'messages') return walk.messages.addAll(page.head[KEY]!);
  const ids = cellsOf(holding, page, 'messageId');
  for (let row = 0; ids && row < page.rows; row += 1) {
    const id = cellText(ids, row);
    if (id !== null) walk.messages.add(id);
  }
}

function entryCells(walk: Walk, holding: Holding, page: OpenedPage): Cells {
  const names = Array.from<string | null>({ length: page.rows }).fill(null);
  for (const { row, entry } of storedRows(walk, holding, page)) names[row] = entry;
  return textCells(names);
}

/** The content of the person's stored files, as entries of a package. One that cannot be read fails the package rather than going missing. */
export async function* holdingFiles(walk: Walk, system: System, tenantId: string): AsyncGenerator<PackageEntry> {
  const quiet = { ...walk, onRows: undefined };
  for (const holding of walk.holdings) {
    if (!holding.content) continue;
    for await (const page of rowPages(quiet as Walk, holding)) {
      const sealings = uuidsOf(page.head[SEALING]!);
      for (const { row, id, entry, size } of storedRows(walk, holding, page)) {
        const sealing = sealings[row]!;
        const { key, context } = holding.content(tenantId, id);
        const sealingKey = (await walk.read(({ db }) => subjectKeys(system.keys, db, tenantId, [sealing]))).get(sealing);
        if (!sealingKey) throw new Error(`The key of attachment ${id} is gone.`);
        // Opened only once it is written, so that a package that is called off leaves no file open.
        const content = async function* (): AsyncGenerator<Buffer> {
          yield* openSealed(sealingKey, context, await system.files.open(key), size);
        };
        yield { name: entry, content: content() };
      }
    }
  }
}
