import { subjectKeys } from '../keys/keyring.ts';
import { unsealText } from '../keys/sealed-value.ts';
import type { BatchLoad, RequestScope } from '../scope/context.ts';
import { place, type SealedColumn } from './place.ts';

/** The data keys of a whole page of rows at once; undefined for whoever was erased. */
const loadKeys: BatchLoad<Buffer> = async ({ db, scope, system }, ids) => {
  const keys = await subjectKeys(system.keys, db, scope.tenantId, ids);
  return ids.map((id) => keys.get(id));
};

/** A sealed column of a row that was read: where it stands, and what stands there. */
export interface Sealed {
  /** Whose key seals it. */
  owner: string;
  column: SealedColumn;
  row: string;
  value: Buffer | null;
}

/** Opens a sealed column. Null where there is none or its key was destroyed; SealBroken if it was changed or moved, which is a bug to be logged. */
export async function openText(request: RequestScope, { owner, column, row, value }: Sealed): Promise<string | null> {
  if (!value) return null;
  const key = await request.loader(loadKeys).load(owner);
  return key ? unsealText(key, place(request.scope.tenantId, owner, column, row), value) : null;
}

/** Opens a sealed column that holds JSON. */
export async function openJson(request: RequestScope, sealed: Sealed): Promise<Record<string, unknown> | null> {
  const text = await openText(request, sealed);
  return text === null ? null : (JSON.parse(text) as Record<string, unknown>);
}
