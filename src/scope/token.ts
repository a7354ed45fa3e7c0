import { createSecretKey, hash, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { validate as isUuid } from 'uuid';
import { z } from 'zod';
import { Refusal } from '../errors.ts';
import type { System } from '../system.ts';
import { findKey, isProviderKey, lifeCap, tenantOfKid, type ApiKeyRow } from './api-key.service.ts';
import { Beliefs } from './beliefs.ts';
import { openDecoys } from './decoys.ts';
import { deniedAs, isDenied } from './denied-tokens.ts';
import { inScope, type Session } from './in-scope.ts';
import { LEVELS, limitOf, rank, type Permission } from './permissions.ts';
import { verifyingKey } from './public-key.ts';
import { systemScope, type Scope } from './scope.ts';

export const TOKEN_AUDIENCE = 'habeas';
const MAX_TOKEN_BYTES = 8192;
const CLOCK_TOLERANCE_SECONDS = 5;

/** One body for every refusal: nothing tells a wrong signature from an unknown key, an expired token or a revoked one. */
const unauthenticated = (): Refusal => new Refusal('UNAUTHENTICATED', 'The token is missing or not valid.');

const headerSchema = z.strictObject({
  alg: z.enum(['HS256', 'RS256', 'ES256']),
  typ: z.literal('JWT').optional(),
  kid: z.string().max(128),
});
const uuid = z.string().refine((value) => isUuid(value) && value === value.toLowerCase());
// Identity providers add claims of their own: what is not named here is dropped, never read.
const claimsSchema = z.object({
  iss: z.string().max(256).optional(),
  aud: z.literal(TOKEN_AUDIENCE),
  sub: z.string().min(1).max(256).optional(),
  // Looked up in the database, which takes no NUL; printable ASCII is what every issuer writes.
  jti: z.string().regex(/^[\x21-\x7e]{1,128}$/),
  iat: z.int(),
  exp: z.int(),
  nbf: z.int().optional(),
  scope: z.enum(LEVELS),
  tenant: uuid.optional(),
  app: uuid.optional(),
  user: uuid.optional(),
  permissions: z.array(z.string().max(64)).max(64).optional(),
  /** Which of our keys an identity provider signs for: its own `kid` in the header names one of the set pinned there. */
  key: z.string().max(64).optional(),
});
type Claims = z.infer<typeof claimsSchema>;

interface Believed {
  row: ApiKeyRow;
  key: KeyObject;
}

/** What a token says. */
interface Said {
  kid: string;
  alg: ApiKeyRow['algorithm'];
  claims: Claims;
}

/** How many tokens are remembered as rightly signed. */
const PROVEN = 1_000;

/** What verifies tokens in one process. It believes for two seconds what it has looked up, so that a revocation reaches every process in that time (the promise is 5 s). */
export interface TokenVerifier {
  verify(raw: string | undefined, requestId: string): Promise<Scope>;
}

/** Strict base64url, as RFC 7515 asks: no padding, no bits beyond the last byte (a signature has one spelling). */
function decodeSegment(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  return bytes.toString('base64url') === segment ? bytes : undefined;
}

/** A name given twice at the top is read differently by different readers. `text` is valid JSON; what lies deeper is never read. */
function repeatsName(text: string): boolean {
  const seen = new Set<string>();
  let depth = 0;
  let last = '';
  for (const [part] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (part === '{' || part === '[') depth += 1;
    else if (part === '}' || part === ']') depth -= 1;
    else if (part !== ':') last = part;
    else if (depth === 1) {
      // Names are compared as they are read: "\u0061ud" is "aud".
      const name = JSON.parse(last) as string;
      if (seen.has(name)) return true;
      seen.add(name);
    }
  }
  return false;
}

function parseObject(segment: string): unknown {
  const bytes = decodeSegment(segment);
  if (!bytes) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = JSON.parse(text) as unknown;
    return repeatsName(text) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** Reads a token, of whose signature nothing is known yet. */
function readToken(raw: string): Said {
  const [head, body, signature] = raw.split('.') as [string, string, string];
  const header = headerSchema.safeParse(parseObject(head));
  const said = claimsSchema.safeParse(parseObject(body));
  if (!header.success || !said.success || !decodeSegment(signature)) throw unauthenticated();
  const { sub, ...claims } = said.data;
  return {
    kid: header.data.kid,
    alg: header.data.alg,
    // A platform may put a person's own id there, and what is remembered of a token outlives the person. The database takes neither NUL nor half a pair.
    claims: { ...claims, ...(sub && claims.scope !== 'user' && { sub: sub.toWellFormed().replaceAll('\0', '\ufffd') }) },
  };
}

export function openVerifier(system: System): TokenVerifier {
  const keys = new Beliefs<Believed | undefined>();
  const denied = new Beliefs<boolean>();
  // A signature that was good under a key stays so; whether the key is still believed, and the token of today and not denied, is asked each time.
  const proven = new Map<string, { key: KeyObject; said: Said }>();
  const decoys = openDecoys();

  const inTenant = <T>(tenantId: string, act: (session: Session) => Promise<T>): Promise<T> =>
    inScope(system, systemScope(tenantId, 'token'), act, system.config.limits.seconds);

  const lookUp = (kid: string, signer: string): Promise<Believed | undefined> =>
    keys.get(`${kid} ${signer}`, async () => {
      const tenantId = tenantOfKid(kid);
      if (!tenantId) return undefined;
      const answer = await inTenant(tenantId, (session) => findKey(session, kid, tenantId));
      if (!answer || answer.row.revokedAt) return undefined;
      const key = typeof answer.material === 'string' ? verifyingKey(answer.material, signer) : createSecretKey(answer.material);
      return key && { row: answer.row, key };
    });

  const isDeniedLately = (tenantId: string, names: readonly string[]): Promise<boolean> =>
    denied.get([tenantId, ...names].join(' '), () => inTenant(tenantId, (session) => isDenied(session, names)));

  return {
    async verify(raw, requestId) {
      if (!raw || raw.length > MAX_TOKEN_BYTES || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(raw)) throw unauthenticated();
      const name = hash('sha256', raw, 'base64');
      const known = proven.get(name);
      const { kid, alg, claims } = known?.said ?? readToken(raw);
      // A kid of ours names the key itself; anybody else's names one within the set that the claim `key` names.
      const believed = await lookUp(tenantOfKid(kid) ? kid : (claims.key ?? kid), kid);
      const now = Math.floor(system.now() / 1000);
      if (!known || !believed?.key.equals(known.key)) {
        try {
          // An unknown kid costs the same signature check as a known one.
          jwt.verify(raw, believed?.key ?? decoys[alg], {
            algorithms: [believed?.row.algorithm ?? alg],
            audience: TOKEN_AUDIENCE,
            clockTolerance: CLOCK_TOLERANCE_SECONDS,
            clockTimestamp: now,
          });
        } catch {
          throw unauthenticated();
        }
        if (!believed) throw unauthenticated();
        if (proven.size >= PROVEN) proven.clear();
        proven.set(name, { key: believed.key, said: { kid, alg, claims } });
      }
      const scope = narrow(believed.row, claims, now, requestId);
      if (!scope || (await isDeniedLately(believed.row.tenantId, deniedAs(scope.appId, claims.jti)))) {
        proven.delete(name);
        throw unauthenticated();
      }
      return scope;
    },
  };
}

/** The intersection of what a token claims with what its key may give; undefined where the claims reach outside the key. */
function narrow(key: ApiKeyRow, claims: Claims, now: number, requestId: string): Scope | undefined {
  if (now >= claims.exp + CLOCK_TOLERANCE_SECONDS || (claims.nbf ?? 0) > now + CLOCK_TOLERANCE_SECONDS) return undefined;
  const cap = lifeCap(key, claims.scope);
  if (claims.iat > now + CLOCK_TOLERANCE_SECONDS || claims.exp <= claims.iat || claims.exp - claims.iat > cap) return undefined;
  if (rank(claims.scope) > rank(key.level)) return undefined;
  const provider = isProviderKey(key);
  if (claims.scope === 'provider' && !provider) return undefined;
  if (claims.scope === 'provider' ? claims.tenant !== undefined && claims.tenant !== key.tenantId : claims.tenant === undefined)
    return undefined;
  if (!provider && claims.tenant !== key.tenantId) return undefined;
  if (key.appId && claims.app !== key.appId) return undefined;
  const needsApp = claims.scope === 'app' || claims.scope === 'user';
  if (needsApp !== (claims.app !== undefined) || (claims.scope === 'user') !== (claims.user !== undefined)) return undefined;
  const limit = limitOf(claims.scope);
  const asked = claims.permissions ?? key.permissions;
  const permissions = new Set(
    key.permissions.filter((permission) => asked.includes(permission) && limit.has(permission as Permission)),
  );
  return {
    level: claims.scope,
    tenantId: claims.tenant ?? key.tenantId,
    ...(claims.app ? { appId: claims.app } : {}),
    ...(claims.user ? { userId: claims.user } : {}),
    permissions,
    keyId: key.kid,
    tokenId: claims.jti,
    ...(claims.sub ? { subject: claims.sub } : {}),
    requestId,
  };
}
