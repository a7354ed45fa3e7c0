import type { ResidualFinding } from './residual.entity.ts';

/** What a table is full of is not worth counting to its end. */
const COUNT_TO = 10_000;

/** What was found, by place and kind. */
export class Findings {
  private readonly found = new Map<string, ResidualFinding>();

  add(findings: readonly ResidualFinding[]): void {
    for (const { place, kind, count } of findings) {
      const name = `${place} ${kind}`;
      this.found.set(name, { place, kind, count: Math.min(COUNT_TO, count + (this.found.get(name)?.count ?? 0)) });
    }
  }

  list(): ResidualFinding[] {
    return [...this.found.values()];
  }
}
