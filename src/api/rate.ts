/** A bucket for each name that fills up with a minute's worth and is drained by one a request (a token bucket). */
export class RateLimiter {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /** Takes one; answers 0, or the seconds until there is one again. */
  take(name: string): number {
    const bucket = this.#bucket(name);
    if (bucket.left < 1) return this.#wait(bucket.left);
    bucket.left -= 1;
    return 0;
  }

  /** Whether there is none left, without taking one: seconds until there is, or 0. */
  wait(name: string): number {
    const bucket = this.#bucket(name);
    return bucket.left < 1 ? this.#wait(bucket.left) : 0;
  }

  #wait(left: number): number {
    return Math.max(1, Math.ceil(((1 - left) * 60) / this.#perMinute));
  }

  #bucket(name: string): { left: number; at: number } {
    const now = this.#now();
    let bucket = this.#buckets.get(name);
    if (!bucket) {
      // Full buckets are as good as none: the map stays as small as the callers of the last minute are many.
      if (this.#buckets.size >= 10_000) this.#sweep(now);
      this.#buckets.set(name, (bucket = { left: this.#perMinute, at: now }));
    }
    bucket.left = Math.min(this.#perMinute, bucket.left + ((now - bucket.at) * this.#perMinute) / 60_000);
    bucket.at = now;
    return bucket;
  }

  #sweep(now: number): void {
    for (const [name, bucket] of this.#buckets) if (now - bucket.at > 60_000) this.#buckets.delete(name);
    if (this.#buckets.size >= 10_000) this.#buckets.clear();
  }
}
