import { createHmac, randomUUID } from 'node:crypto';

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs a token with an API key's secret (RFC 7519, HS256), without asking the server. Any JWT library does the same. */
export function signToken(key: { kid: string; secret: string }, claims: Record<string, unknown>, seconds: number): string {
  const now = Math.floor(Date.now() / 1000);
  const head = encode({ alg: 'HS256', typ: 'JWT', kid: key.kid });
  const body = encode({ aud: 'habeas', jti: randomUUID(), iat: now, exp: now + seconds, ...claims });
  const signature = createHmac('sha256', key.secret).update(`${head}.${body}`).digest('base64url');
  return `${head}.${body}.${signature}`;
}
