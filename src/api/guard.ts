import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../errors.ts';
import type { Scope } from '../scope/scope.ts';
import type { TokenVerifier } from '../scope/token.ts';
import type { System } from '../system.ts';
import { networkOf, RateLimiter } from './rate.ts';

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

export interface Guard {
  /** Of an operation, before its body is read. */
  admit: (request: FastifyRequest) => Promise<void>;
  authenticate: (request: FastifyRequest) => Promise<Scope>;
  /** Does the work of an answer in one of the places there are; it is free again once the work has ended and the answer is out. */
  inside: <T>(reply: FastifyReply, work: () => Promise<T>) => Promise<T>;
  /** Of a download, before its link is looked at; and what to do where the link was none. */
  admitDownload: (request: FastifyRequest) => Promise<void>;
  noteRefusal: (request: FastifyRequest) => void;
}

/** Who comes in: by address before anything else, by key once the token is known, and nobody while the house is full. */
export function guard(system: System, verifier: TokenVerifier): Guard {
  const { limits } = system.config;
  const { callers } = system;
  const addresses = new RateLimiter(limits.addressRate);
  const refusals = new RateLimiter(limits.refusals);
  const keys = new RateLimiter(limits.keyRate);
  const slow = (seconds: number): void => {
    if (seconds) throw new TooManyRequests(429, seconds, `Too many requests; try again in ${seconds} s.`);
  };
  const shed = (): void => {
    if (callers.inside >= limits.inFlight) throw new TooManyRequests(503, 1, 'The server is busy; try again in 1 s.');
  };
  const admitDownload = async (request: FastifyRequest): Promise<void> => {
    slow(refusals.wait(networkOf(request.ip)));
    slow(addresses.take(networkOf(request.ip)));
  };
  const noteRefusal = (request: FastifyRequest): void => void refusals.take(networkOf(request.ip));
  return {
    admitDownload,
    noteRefusal,
    admit: async (request) => {
      // Shedding early keeps those already inside quick: an answer that comes too late helps nobody.
      shed();
      await admitDownload(request);
    },
    authenticate: async (request) => {
      const header = request.headers.authorization;
      const token = header?.startsWith('Bearer ') ? header.slice(7) : undefined;
      const scope = await verifier.verify(token, request.id).catch((error: unknown) => {
        // A database that is away says nothing about the token.
        if (error instanceof Refusal) noteRefusal(request);
        throw error;
      });
      slow(keys.take(scope.keyId));
      return scope;
    },
    inside: async (reply, work) => {
      shed();
      callers.inside += 1;
      let left = false;
      let working = true;
      const leave = (): void => {
        if (left || working || !(reply.raw.writableFinished || reply.raw.destroyed)) return;
        left = true;
        callers.inside -= 1;
      };
      reply.raw.once('finish', leave).once('close', leave);
      try {
        return await work();
      } finally {
        working = false;
        // Whoever hangs up does not end what was begun, and whoever does not read their answer is not waited for without end.
        reply.raw.setTimeout(limits.seconds * 1000, () => reply.raw.destroy());
        leave();
      }
    },
  };
}
