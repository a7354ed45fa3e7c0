import { randomUUID } from 'node:crypto';
import { HeaderMap } from '@apollo/server';
import Fastify, { type FastifyInstance } from 'fastify';
import { openVerifier } from '../scope/token.ts';
import type { System } from '../system.ts';
import { makeApollo } from './apollo.ts';
import { serveArtefacts } from './artefacts.ts';
import { guard } from './guard.ts';
import { serveGraphiql } from './graphiql.ts';
import { serveHealth } from './health.ts';
import { answerFailures } from './refuse.ts';
import { Request } from './request-scope.ts';
import { readJson } from './body.ts';

/** How long a request may take to arrive. */
const BODY_MS = 60_000;

declare module 'fastify' {
  interface FastifyRequest {
    /** The state of an operation, once its token was found good. */
    scoped?: Request;
  }
}

/** The HTTP server: GraphQL, downloads, health, metrics. It listens to nothing yet. */
export async function makeServer(system: System): Promise<FastifyInstance> {
  const verifier = openVerifier(system);
  const apollo = await makeApollo(system);
  const server = Fastify({
    bodyLimit: system.config.limits.bodyBytes,
    logger: false,
    genReqId: () => randomUUID(),
    trustProxy: system.config.trustedProxies,
    // A body that does not come must not be waited for: it is a caller's connection, not yet one of the places inside.
    requestTimeout: BODY_MS,
  });
  server.decorateRequest('scoped');
  const { admit, authenticate, inside, ...downloads } = guard(system, verifier);
  answerFailures(server, system);
  readJson(server, system.config.limits.nesting);

  server.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    // Before the body is read: who has no token, or too many requests, costs no parsing.
    onRequest: [admit, async (request) => void (request.scoped = new Request(system, await authenticate(request)))],
    handler: async (request, reply) => {
      const headers = new HeaderMap();
      for (const [name, value] of Object.entries(request.headers))
        if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
      const state = request.scoped!;
      // A caller who hangs up does not stop what was begun: only once it has ended is its connection given back, whatever came of it.
      const answer = await inside(reply, () =>
        apollo
          .executeHTTPGraphQLRequest({
            httpGraphQLRequest: {
              method: request.method,
              headers,
              search: searchOf(request.url),
              body: request.body,
            },
            context: async () => ({ request: state }),
          })
          .finally(() => state.abandon()),
      );
      for (const [name, value] of answer.headers) void reply.header(name, value);
      void reply.code(answer.status ?? 200).headers({ 'x-request-id': request.id, 'cache-control': 'no-store' });
      if (answer.body.kind !== 'complete') throw new Error('incremental delivery is off');
      return reply.send(answer.body.string);
    },
  });
  serveArtefacts(server, system, downloads);
  serveHealth(server, system);
  if (system.config.graphiql) serveGraphiql(server);
  server.addHook('onClose', () => apollo.stop());
  return server;
}

/** The query string of a request's target, with its question mark. */
function searchOf(target: string): string {
  const from = target.indexOf('?');
  return from < 0 ? '' : target.slice(from);
}
