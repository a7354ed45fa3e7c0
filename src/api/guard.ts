import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../errors.ts';
import type { Scope } from '../scope/scope.ts';
import type { TokenVerifier } from '../scope/token.ts';
import type { System } from '../system.ts';
import { RateLimiter } from './rate.ts';

/** A caller who has had too much for now: 429 with the seconds to wait. */
export class TooManyRequests extends Refusal {
  override name = 'TooManyRequests';
  constructor(
    readonly status: 429 | 503,
    readonly retryAfter: number,
    message: string,
  ) {
    super(status === 429 ? 'LIMIT_EXCEEDED' : 'UNAVAILABLE', message);
  }
}

interface Guard {
  admit: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  authenticate: (request: FastifyRequest) => Promise<Scope>;
}

/** Who comes in: by address before anything else, by key once the token is known, and nobody while the house is full. */
export function guard(system: System, verifier: TokenVerifier): Guard {
  const { limits } = system.config;
  const addresses = new RateLimiter(limits.addressRate);
  const refusals = new RateLimiter(limits.refusals);
  const keys = new RateLimiter(limits.keyRate);
  let inFlight = 0;
  const slow = (seconds: number): void => {
    if (seconds) throw new TooManyRequests(429, seconds, `Too many requests; try again in ${seconds} s.`);
  };
  return {
    admit: async (request, reply) => {
      // Shedding early keeps those already inside quick: an answer that comes too late helps nobody.
      if (inFlight >= limits.inFlight) throw new TooManyRequests(503, 1, 'The server is busy; try again in 1 s.');
      inFlight += 1;
      let inside = true;
      const leave = (): void => {
        if (inside) inFlight -= 1;
        inside = false;
      };
      // Answered, or the caller went away.
      reply.raw.once('finish', leave).once('close', leave);
      slow(refusals.wait(request.ip));
      slow(addresses.take(request.ip));
    },
    authenticate: async (request) => {
      const header = request.headers.authorization;
      const token = header?.startsWith('Bearer ') ? header.slice(7) : undefined;
      const scope = await verifier.verify(token, request.id).catch((error: unknown) => {
        refusals.take(request.ip);
        throw error;
      });
      slow(keys.take(scope.keyId));
      return scope;
    },
  };
}
