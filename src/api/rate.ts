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

/**
 * What limits by address count: an IPv4 address, or the /64 of an IPv6 one, which is what one household is given, so that nobody has more than one
 * bucket for nothing. Whatever else a proxy calls an address is taken as it is.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return mapped;
  const [head = '', tail] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail?.split(':').filter(Boolean) ?? [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
