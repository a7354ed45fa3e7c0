import { Refusal } from '../errors.ts';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds of a time span as people write it: 30s, 10m, 1h, 7d. */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (!count || !unit || Number(count) === 0)
    throw new Refusal('INVALID_INPUT', `${text} is not a time span; write 30s, 10m, 1h or 7d.`);
  return Number(count) * SECONDS[unit as keyof typeof SECONDS];
}
