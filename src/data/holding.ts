import type { Session } from '../scope/in-scope.ts';
import type { SealedColumn } from './place.ts';

/** What one step of erasing a holding did; `rows` is 0 once nothing of the person is left in it. */
export interface ErasedStep {
  rows: number;
  /** Further counts, by name: `tombstones`, `blanked`. */
  counts?: Record<string, number>;
  /** Names in the file store whose content must go once the step has committed. */
  files?: string[];
}

/** How a column is shown in an export. */
export type ExportColumn =
  /** As it stands: text, numbers, booleans. A `bigint` is a number in JSON, hence its own word: the driver reads it as text. */
  | { name: string; column: string; as: 'plain' | 'bigint' }
  /** ISO 8601, UTC. */
  | { name: string; column: string; as: 'time' }
  /** Sealed text, or sealed JSON; `mentions` are rendered in a sealed text that may hold them. */
  | { name: string; column: string; as: 'sealed' | 'sealed-json'; sealed: SealedColumn; mentions?: boolean }
  /** The id of a person: the data subject, or another one shown by the package's rule for others. */
  | { name: string; column: string; as: 'person' };

/**
 * A table that holds personal data, declared once. Access, portability, erasure, `whatIsHeld` and the residual scan all walk the list of
 * holdings; none keeps a list of its own, and a test compares the list with the database's catalogue.
 */
export interface Holding {
  /** What people call it, and the name of its file in an export: `messages`. */
  category: string;
  description: string;
  table: string;
  /** The primary key without tenant_id: the order of pages. */
  key: readonly string[];
  /** A person's rows: a condition on the table, where $1 is the tenant and $2 the person. */
  find: string;
  /** The time of a row, for "oldest" and "newest", and the clock its retention counts from. */
  at: string | null;
  /** Whose key seals a row: an SQL expression on the table. */
  sealedBy: string;
  columns: readonly ExportColumn[];
  /** False where the person neither provided it nor was observed in it, so that it is no part of Art. 20's copy. Default: true. */
  portable?: boolean;
  /** Where the content of a row lies in the file store, of rows whose `stored` is true; `name` and `size` are columns of theirs. */
  content?: (tenantId: string, id: string) => { key: string; context: string };
  /** Every column that holds the id of a person. After an erasure none of them holds that person's. */
  people: readonly string[];
  /** Erases up to `limit` of a person's rows, and takes their id out of rows that are other people's. */
  erase(session: Session, userId: string, limit: number): Promise<ErasedStep>;
}

/** Erasing by deleting: the rule for every table whose rows are the person's alone. */
export function deleteRows(table: string, key: readonly string[], find: string): Holding['erase'] {
  const columns = key.join(', ');
  return async ({ db, scope }, userId, limit) => {
    const [, rows] = (await db.query(
      `delete from ${table} where tenant_id = $1 and (${columns}) in (select ${columns} from ${table} where tenant_id = $1 and ${find} limit $3)`,
      [scope.tenantId, userId, limit],
    )) as [unknown[], number];
    return { rows };
  };
}
