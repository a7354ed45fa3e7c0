import { Refusal } from '../errors.ts';
import { subjectKeys } from '../keys/keyring.ts';
import { unsealRun, type SealedRun } from '../keys/sealed-run.ts';
import { SEAL_BYTES, SealBroken, unsealText } from '../keys/sealed-value.ts';
import type { BatchLoad, RequestScope, Soon } from '../scope/context.ts';
import { fewIds, shareable } from '../scope/shared-reads.ts';
import { place, type SealedColumn } from './place.ts';

/** The data keys of a whole page of rows at once; undefined for whoever was erased. */
const loadKeys = shareable<Buffer>(fewIds, async ({ db, scope, system }, ids) => {
  const keys = await subjectKeys(system.keys, db, scope.tenantId, ids);
  return ids.map((id) => keys.get(id));
});

/** Beyond, a value is read only once it is known that the answer may hold it. */
const SHORT_BYTES = 2048;
/** In place of a long value: its length, an int4. No sealed value is as short. */
const LENGTH_BYTES = 4;

/** The SQL of a sealed column whose values may be long, for a list: a page of rows of megabytes each would fill the memory. */
export const short = (column: string): string =>
  `case when octet_length(${column}) <= ${SHORT_BYTES} then ${column} else int4send(octet_length(${column})) end`;

/** The values of the columns that are selected by `short`, by row: of rows alone that the same request has read in this scope. */
const LONG = new Map<SealedColumn, BatchLoad<Buffer>>(
  (['messages.body', 'messages.metadata', 'users.metadata', 'channel_identities.raw', 'attachments.url'] as const).map((name) => {
    const [table, column] = name.split('.');
    const load: BatchLoad<Buffer> = async ({ db, scope }, ids) => {
      const sql = `select id, ${column} as value from ${table} where tenant_id = $1 and id = any ($2)`;
      const rows = (await db.query(sql, [scope.tenantId, ids])) as { id: string; value: Buffer }[];
      const values = new Map(rows.map(({ id, value }) => [id, value]));
      return ids.map((id) => values.get(id));
    };
    return [name, load];
  }),
);

/** How many bytes of text a request has answered; and the refusal, once there was too much, which is the same for all that is asked after it. */
const answered = (): { bytes: number; refusal?: Refusal } => ({ bytes: 0 });

/** Counts text towards an answer, as often as it is answered. Refuses (LIMIT_EXCEEDED) what an answer may not hold. */
export function countText(request: RequestScope, bytes: number): void {
  const count = request.kept(answered);
  const limit = request.system.config.limits.textBytes;
  if (count.bytes + bytes > limit)
    count.refusal ??= new Refusal(
      'LIMIT_EXCEEDED',
      `The answer holds more than ${limit} bytes of texts and metadata: ask for less at a time.`,
    );
  if (count.refusal) throw count.refusal;
  count.bytes += bytes;
}

/** A sealed column of a row that was read: where it stands, and what stands there. */
export interface Sealed {
  /** Whose key seals it. */
  owner: string;
  column: SealedColumn;
  row: string;
  value: Buffer | null;
}

/** Texts that were opened before their fields ask for them, by their sealed form. */
const opened = (): Map<Buffer, string> => new Map();

/**
 * Opens a column of a page of rows for `openText` to find, those of each owner together: in two fifths of the time that each takes by itself. Where one
 * does not open, or no key is in memory by then, each is left to its own field, which says what is wrong.
 */
export async function openTogether(
  request: RequestScope,
  column: SealedColumn,
  rows: readonly Omit<Sealed, 'column'>[],
): Promise<void> {
  const { system, scope } = request;
  // Nobody would see them.
  if (!rows.length || request.kept(answered).refusal) return;
  const texts = request.kept(opened);
  const shown = rows.filter((row): row is OpenRow => row.value !== null && row.value.length !== LENGTH_BYTES);
  const owners = Map.groupBy(shown, (row) => row.owner);
  const unknown = [...owners.keys()].filter((owner) => !system.keys.cache.get(scope.tenantId, owner));
  if (unknown.length) await request.prepare(loadKeys, unknown);
  for (const [owner, own] of owners) {
    const key = own.length > 1 && system.keys.cache.get(scope.tenantId, owner);
    if (!key) continue;
    let index = 0;
    try {
      unsealRun(key, runOf({ tenantId: scope.tenantId, subjectId: owner, column }, own), 0, own.length, (plain) =>
        texts.set(own[index++]!.value, plain.toString('utf8')),
      );
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
    }
  }
}

type OpenRow = Omit<Sealed, 'column' | 'value'> & { value: Buffer };

function runOf(place: SealedRun['place'], rows: readonly OpenRow[]): SealedRun {
  const start = new Int32Array(rows.length);
  const end = new Int32Array(rows.length);
  let at = 0;
  for (const [index, { value }] of rows.entries()) {
    start[index] = at;
    end[index] = at += value.length;
  }
  const bytes = Buffer.concat(rows.map(({ value }) => value));
  return { place, bytes, start, end, writeRow: (index, into, to) => to + into.write(rows[index]!.row, to, 'latin1') };
}

/** Opens a sealed column. Null where there is none or its key was destroyed; SealBroken if it was changed or moved, which is a bug to be logged. */
export function openText(request: RequestScope, sealed: Sealed): Soon<string | null> {
  if (!sealed.value) return null;
  const { system, scope } = request;
  // Of what is in memory nothing need be loaded: a promise for each message of a page, and a turn to wait.
  const key = system.keys.cache.get(scope.tenantId, sealed.owner) ?? request.find(loadKeys, sealed.owner);
  return key instanceof Promise ? key.then((known) => openWith(known, request, sealed)) : openWith(key, request, sealed);
}

function openWith(key: Buffer | undefined, request: RequestScope, { owner, column, row, value }: Sealed): Soon<string | null> {
  if (!key || !value) return null;
  const at = place(request.scope.tenantId, owner, column, row);
  const long = value.length === LENGTH_BYTES ? LONG.get(column) : undefined;
  countText(request, (long ? value.readInt32BE() : value.length) - SEAL_BYTES);
  if (!long) return request.kept(opened).get(value) ?? unsealText(key, at, value);
  return request
    .loader(long)
    .load(row)
    .then((sealed) => (sealed ? unsealText(key, at, sealed) : null));
}

/** Opens a sealed column that holds JSON. */
export function openJson(request: RequestScope, sealed: Sealed): Soon<Record<string, unknown> | null> {
  const parse = (text: string | null): Record<string, unknown> | null =>
    text === null ? null : (JSON.parse(text) as Record<string, unknown>);
  const text = openText(request, sealed);
  return text instanceof Promise ? text.then(parse) : parse(text);
}
