/** A Slack time, "seconds.micros". It is an id as well: never read as a floating-point number, which would change it. */
export interface Timestamp {
  /** Whole microseconds: exact until the year 2255. */
  micros: number;
  iso: string;
}

export function readTimestamp(value: unknown): Timestamp | undefined {
  const match = typeof value === 'string' ? /^(\d{1,10})(?:\.(\d{1,6}))?$/.exec(value) : null;
  if (!match?.[1]) return undefined;
  const fraction = Number((match[2] ?? '').padEnd(6, '0'));
  const iso = new Date(Number(match[1]) * 1000 + Math.floor(fraction / 1000)).toISOString();
  return { micros: Number(match[1]) * 1_000_000 + fraction, iso };
}

/** `created`, `timestamp`: seconds, as a number or as a text. */
export function readSeconds(value: unknown): string | undefined {
  const seconds = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  const sensible = typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 && seconds < 10_000_000_000;
  return sensible ? new Date(Math.floor(seconds) * 1000).toISOString() : undefined;
}
