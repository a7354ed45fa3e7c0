import { createHmac, createPrivateKey, randomUUID, sign as signWith, type KeyObject } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

type Json = Record<string, unknown>;
const encode = (value: unknown): string =>
  Buffer.from(Buffer.isBuffer(value) ? value : typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Signs what no JWT library would: any header, any payload (an object, a text or bytes), with any key. */
export interface Forger {
  (payload: Json | string | Buffer, header?: Json | string): string;
}

export function forger(kid: string, alg: 'HS256' | 'RS256' | 'ES256', key: string | KeyObject): Forger {
  return (payload, header = {}) => {
    const head = typeof header === 'string' ? header : { alg, typ: 'JWT', kid, ...header };
    const input = `${encode(head)}.${encode(payload)}`;
    return `${input}.${signatureOf(input, alg, key)}`;
  };
}

export function signatureOf(input: string, alg: string, key: string | KeyObject): string {
  if (alg === 'HS256') return createHmac('sha256', key).update(input).digest('base64url');
  const options = { key: typeof key === 'string' ? createPrivateKey(key) : key, dsaEncoding: 'ieee-p1363' as const };
  return signWith('sha256', Buffer.from(input), options).toString('base64url');
}

/** Claims that are good in every respect; what is set to undefined is left out. */
export function claims(more: Json = {}): Json {
  const now = Math.floor(Date.now() / 1000);
  return { iss: 'tests', aud: 'habeas', jti: randomUUID(), iat: now, exp: now + 600, ...more };
}

/** A token with its parts changed after it was signed. */
export function changed(token: string, change: (parts: [string, string, string]) => string[]): string {
  return change(token.split('.') as [string, string, string]).join('.');
}

/** The next letter of base64url: the last letter of 32 bytes has two bits to spare. */
export function nextLetter(letter: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return letters[letters.indexOf(letter) + 1]!;
}

/** All of an answer that a caller can tell apart: what differs from request to request anyway is taken out. */
export interface Seen {
  status: number;
  body: string;
  headers: Record<string, unknown>;
}

export async function present(server: FastifyInstance, headers: Record<string, string>): Promise<Seen> {
  const answer = await server.inject({ method: 'POST', url: '/graphql', headers, payload: { query: '{ __typename }' } });
  const { date: _date, 'x-request-id': _id, ...rest } = answer.headers;
  return { status: answer.statusCode, body: answer.body, headers: rest };
}
