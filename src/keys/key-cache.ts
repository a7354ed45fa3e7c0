/** Unwrapped keys, for as long as KEY_LIFE_MS at most. */
export class KeyCache {
  readonly #life: number;
  readonly #tenants = new Map<string, Map<string, { key: Buffer; until: number }>>();
  /** Counts the times anything was forgotten: a key that was read before an erasure and arrives after it is not kept. */
  epoch = 0;

  constructor(lifeMs: number) {
    this.#life = lifeMs;
  }

  get(tenantId: string, id: string): Buffer | undefined {
    const entry = this.#tenants.get(tenantId)?.get(id);
    return entry && entry.until > performance.now() ? entry.key : undefined;
  }

  put(tenantId: string, id: string, key: Buffer, epoch: number): void {
    if (epoch !== this.epoch) return;
    let keys = this.#tenants.get(tenantId);
    if (!keys) this.#tenants.set(tenantId, (keys = new Map()));
    // Bounded: a full export walks through every person once, and their keys expire in seconds anyway.
    if (keys.size >= 20_000) keys.clear();
    keys.set(id, { key, until: performance.now() + this.#life });
  }

  forget(tenantId: string): void {
    this.epoch += 1;
    this.#tenants.delete(tenantId);
  }

  /** Drops what has expired, so that no key outlives its time in memory unread. Called by a timer of the process. */
  sweep(): void {
    const now = performance.now();
    for (const [tenantId, keys] of this.#tenants) {
      for (const [id, entry] of keys) if (entry.until <= now) keys.delete(id);
      if (!keys.size) this.#tenants.delete(tenantId);
    }
  }
}
