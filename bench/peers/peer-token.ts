import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';

export const PEER_SECRET = randomBytes(32).toString('base64url');

/** A token of the same kind as ours, for the peer to verify. */
export const peerToken = (claims: { tenant: string; app: string }): string =>
  jwt.sign(claims, Buffer.from(PEER_SECRET, 'base64url'), { algorithm: 'HS256', expiresIn: '12h' });
