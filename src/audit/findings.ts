/** What a verifier can find wrong with a log. */
export interface Finding {
  kind: 'EDITED' | 'DELETED' | 'INSERTED' | 'SWAPPED' | 'TRUNCATED' | 'BAD_SIGNATURE' | 'INCONSISTENT' | 'UNPARSEABLE';
  entryId?: string;
  leafIndex?: number;
  message: string;
}

const LISTED = 1000;

/** Gathers findings: each kind once an entry or place, the first 1,000 of them, the others counted. */
export class Findings {
  readonly list: Finding[] = [];
  omitted = 0;
  readonly #seen = new Set<string>();

  add(kind: Finding['kind'], message: string, entry: { id?: string; leafIndex?: number } = {}): void {
    const key = JSON.stringify([kind, entry.id ?? entry.leafIndex ?? message]);
    if (this.#seen.has(key)) return;
    if (this.list.length === LISTED) {
      this.omitted += 1;
      return;
    }
    this.#seen.add(key);
    this.list.push({
      kind,
      message,
      ...(entry.id === undefined ? {} : { entryId: entry.id }),
      ...(entry.leafIndex === undefined ? {} : { leafIndex: entry.leafIndex }),
    });
  }
}
