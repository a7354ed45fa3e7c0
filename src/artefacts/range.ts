/** Bytes of a representation, from `start` to `end`, both included, counted from 0. */
export type ByteRange = { start: number; end: number };

/**
 * Reads a `Range` header (RFC 9110, section 14) for a file of `size` bytes. Gives the range to answer 206 with;
 * 'unsatisfiable' to answer 416 with; or undefined where the header is to be ignored and the whole file sent: it is absent,
 * malformed, of another unit, or asks for several ranges, which a server may always decline.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? '');
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    const count = Number(last);
    return count === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(size - count, 0), end: size - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}
