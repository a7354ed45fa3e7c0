import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { keyObject } from './key-object.ts';

export const VERSION = 1;
export const NONCE = 12;
export const TAG = 16;

// Drawing randomness once for many values: one call of randomBytes a value was a third of the time of sealing.
const pool = Buffer.alloc(NONCE * 512);
let drawn = pool.length;
function nonce(): Buffer {
  if (drawn === pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  drawn += NONCE;
  return pool.subarray(drawn - NONCE, drawn);
}

/** By how much a sealed value is longer than what it seals. */
export const SEAL_BYTES = 1 + NONCE + TAG;

/** Where a sealed value stands. It is authenticated with the value: moved to another row, column, person or tenant it no longer opens. */
export interface Place {
  tenantId: string;
  subjectId: string;
  /** `table.column` */
  column: string;
  row: string;
}

const bind = (place: Place): Buffer =>
  Buffer.from(`${place.tenantId}\n${place.subjectId}\n${place.column}\n${place.row}`, 'utf8');

/** A sealed value that does not open under the key of its place: it was changed, or moved here from elsewhere. */
export class SealBroken extends Error {
  override name = 'SealBroken';

  constructor({ column, row }: Pick<Place, 'column' | 'row'>) {
    super(`The sealed value ${column} of row ${row} was changed or moved.`);
  }
}

/** AES-256-GCM (NIST SP 800-38D): one byte version, 12 bytes nonce, the ciphertext, 16 bytes tag. `key` has 32 bytes. */
export function seal(key: Buffer, place: Place, plain: string | Buffer): Buffer {
  const iv = nonce();
  const cipher = createCipheriv('aes-256-gcm', keyObject(key), iv);
  cipher.setAAD(bind(place));
  const body = typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain);
  cipher.final();
  const sealed = Buffer.allocUnsafe(SEAL_BYTES + body.length);
  sealed[0] = VERSION;
  sealed.set(iv, 1);
  sealed.set(body, 1 + NONCE);
  sealed.set(cipher.getAuthTag(), 1 + NONCE + body.length);
  return sealed;
}

/** Opens what `seal` made. Throws SealBroken, naming the place but never the content. */
export function unseal(key: Buffer, place: Place, sealed: Buffer): Buffer {
  try {
    if (sealed[0] !== VERSION || sealed.length < SEAL_BYTES) throw new Error('not a sealed value');
    const decipher = createDecipheriv('aes-256-gcm', keyObject(key), sealed.subarray(1, 1 + NONCE), { authTagLength: TAG });
    decipher.setAAD(bind(place));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
    const plain = decipher.update(sealed.subarray(1 + NONCE, sealed.length - TAG));
    decipher.final();
    return plain;
  } catch {
    throw new SealBroken(place);
  }
}

export const unsealText = (key: Buffer, place: Place, sealed: Buffer): string => unseal(key, place, sealed).toString('utf8');
