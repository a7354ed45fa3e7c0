import type { SourceEvent } from './records.ts';

/** Counts what is left out on purpose; one `dropped` event for each kind of it, at the end. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(what: string, count = 1): void {
    if (count > 0) this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  *events(): Generator<SourceEvent> {
    for (const [what, count] of [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))) yield { kind: 'dropped', what, count };
  }
}
