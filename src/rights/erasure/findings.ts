import type { ResidualFinding } from './residual.entity.ts';

/** What was found, by place and kind. */
export class Findings {
  private readonly found = new Map<string, ResidualFinding>();
  /** Rows in all, one that is found twice counted twice. */
  total = 0;

  add(findings: readonly ResidualFinding[]): void {
    for (const { place, kind, count } of findings) {
      const name = `${place} ${kind}`;
      this.found.set(name, { place, kind, count: count + (this.found.get(name)?.count ?? 0) });
      this.total += count;
    }
  }

  list(): ResidualFinding[] {
    return [...this.found.values()];
  }
}
