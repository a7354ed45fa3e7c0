import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';

/** What passed through: the number of bytes and their SHA-256 in lower-case hexadecimal. */
export type Measure = { size: number; sha256: string };

/** A stream that passes its bytes on unchanged; `measure()` tells what passed, once it has ended. It holds up to `ahead` bytes on either side. */
export function meter(ahead?: number): { through: Transform; measure: () => Measure } {
  const hash = createHash('sha256');
  let size = 0;
  const through = new Transform({
    ...(ahead && { highWaterMark: ahead }),
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  return { through, measure: () => ({ size, sha256: hash.copy().digest('hex') }) };
}
