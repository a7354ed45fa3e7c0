import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { sqlState } from '../database/db.ts';
import { describe, Refusal } from '../errors.ts';
import type { System } from '../system.ts';
import { cannotNow } from './errors.ts';
import { TooManyRequests } from './guard.ts';

const STATUS: Partial<Record<string, number>> = { UNAUTHENTICATED: 401, NOT_FOUND: 404, EXPIRED: 410, UNAVAILABLE: 503 };

function refuse(reply: FastifyReply, refusal: Refusal, status = STATUS[refusal.code] ?? 400): FastifyReply {
  return reply
    .code(status)
    .header('content-type', 'application/json; charset=utf-8')
    .send(JSON.stringify({ errors: [{ message: refusal.message, extensions: { code: refusal.code } }] }));
}

/** What a request answers that fails before GraphQL, or beside it, in GraphQL's shape. */
export function answerFailures(server: FastifyInstance, system: System): void {
  server.setErrorHandler((error: Error & { statusCode?: number; code?: string }, _request, reply) => {
    if (error instanceof TooManyRequests)
      return refuse(reply.header('retry-after', String(error.retryAfter)), error, error.status);
    if (error instanceof Refusal) return refuse(reply, error);
    if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
      return refuse(
        reply,
        new Refusal('LIMIT_EXCEEDED', `The request body is larger than ${system.config.limits.bodyBytes} bytes.`),
        413,
      );
    }
    if (error.statusCode && error.statusCode < 500)
      return refuse(reply, new Refusal('INVALID_INPUT', 'The request could not be read.'), error.statusCode);
    const incident = randomUUID();
    // Before GraphQL, or beside it, the database is asked for little, whatever the request: what takes too long is the database's fault.
    if (cannotNow(error) || sqlState(error) === '57014') {
      system.log.error({ incident, error: describe(error) }, 'the database cannot be reached, has no room, or takes too long');
      const message = `The database cannot be reached, has no room, or takes too long. Try again later; your operator finds the cause under this incident id: ${incident}`;
      return refuse(reply.header('retry-after', '1'), new Refusal('UNAVAILABLE', message));
    }
    system.log.error({ incident, error: describe(error) }, 'unexpected error');
    return reply.code(500).send({
      errors: [
        {
          message: `Something went wrong here. Tell your operator this incident id: ${incident}`,
          extensions: { code: 'INTERNAL_SERVER_ERROR', incident },
        },
      ],
    });
  });
}
