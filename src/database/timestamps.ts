import pg from 'pg';

const TIMESTAMPTZ = 1184;
const parse = pg.types.getTypeParser(TIMESTAMPTZ) as (text: string) => Date;

/** `2026-11-28 09:30:00`, without and with a fraction of up to six digits, and `+00` behind it. */
const SHORTEST = 22;
const LONGEST = 29;
const FRACTION = 20;

/**
 * Reads a time as PostgreSQL writes one of four digits of a year where the session's time zone is UTC, digit by digit: in a quarter of the time that pg takes, to which
 * all others are left.
 */
function readTime(text: string): Date {
  const zone = text.length - 3;
  const year = 100 * two(text, 0) + two(text, 2);
  if (text.length < SHORTEST || text.length > LONGEST || text[4] !== '-' || !(year >= 100) || !text.endsWith('+00'))
    return parse(text);
  let milliseconds = 0;
  for (let at = FRACTION, worth = 100; at < zone && worth >= 1; at += 1, worth /= 10)
    milliseconds += worth * (text.charCodeAt(at) - 48);
  return new Date(Date.UTC(year, two(text, 5) - 1, two(text, 8), two(text, 11), two(text, 14), two(text, 17), milliseconds));
}

const two = (text: string, at: number): number => 10 * text.charCodeAt(at) + text.charCodeAt(at + 1) - 11 * 48;

/** How the columns of rows are read. */
export const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary'): unknown =>
    oid === TIMESTAMPTZ && format !== 'binary' ? readTime : pg.types.getTypeParser(oid, format as 'text'),
};
