import { randomUUID } from 'node:crypto';
import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { GraphQLError, Kind, OperationTypeNode, visit, type DocumentNode } from 'graphql';
import { Refusal } from '../errors.ts';
import type { Context } from '../scope/context.ts';
import { openVerifier } from '../scope/token.ts';
import type { System } from '../system.ts';
import { serveArtefacts } from './artefacts.ts';
import { describe, maskErrors } from './errors.ts';
import { serveGraphiql } from './graphiql.ts';
import { serveHealth } from './health.ts';
import { LIMITS, limitsRule } from './limits.ts';
import { Request } from './request-scope.ts';
import { makeSchema } from './schema.ts';

const STATUS: Partial<Record<string, number>> = { UNAUTHENTICATED: 401, UNAVAILABLE: 503 };

function introspects(document: DocumentNode): boolean {
  let found = false;
  visit(document, { [Kind.FIELD]: (node) => void (found ||= node.name.value === '__schema' || node.name.value === '__type') });
  return found;
}

/** Ties Apollo's life of a request to the scope's: which transaction, what may be introspected, the audit entries before the answer. */
const lifecycle: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    return {
      async didResolveOperation({ contextValue, operation, document }) {
        const request = contextValue.request as Request;
        request.mutation = operation?.operation === OperationTypeNode.MUTATION;
        if (introspects(document) && !request.scope.permissions.has('schema:read')) {
          request.note('permission.denied', { field: '__schema', needs: ['schema:read'] }, 'DENIED');
          throw new GraphQLError('', { originalError: new Refusal('FORBIDDEN', 'Introspection: this token does not hold schema:read.') });
        }
      },
      async willSendResponse({ contextValue }) {
        await (contextValue.request as Request).finish();
      },
    };
  },
};

function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  return reply
    .code(STATUS[refusal.code] ?? 400)
    .header('content-type', 'application/json; charset=utf-8')
    .send({ errors: [{ message: refusal.message, extensions: { code: refusal.code } }] });
}

/** The HTTP server: GraphQL, downloads, health, metrics. It listens to nothing yet. */
export async function makeServer(system: System): Promise<FastifyInstance> {
  const verifier = openVerifier(system);
  const apollo = new ApolloServer<Context>({
    schema: await makeSchema(),
    introspection: true,
    hideSchemaDetailsFromClientErrors: true,
    includeStacktraceInErrorResponses: false,
    allowBatchedHttpRequests: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: LIMITS.tokens, noLocation: false },
    maxRecursiveSelections: LIMITS.recursiveSelections,
    validationRules: [limitsRule],
    formatError: maskErrors(system),
    plugins: [lifecycle, ApolloServerPluginLandingPageDisabled()],
    logger: { debug: () => undefined, info: () => undefined, warn: (message) => system.log.warn({}, String(message)), error: () => undefined },
  });
  await apollo.start();

  const server = Fastify({ bodyLimit: LIMITS.bodyBytes, logger: false, genReqId: () => randomUUID(), trustProxy: false });
  const requests = new WeakMap<FastifyRequest, Request>();
  server.setErrorHandler((error: Error & { statusCode?: number; code?: string }, _request, reply) => {
    if (error instanceof Refusal) return refuse(reply, error);
    if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return refuse(reply.code(413), new Refusal('LIMIT_EXCEEDED', `The request body is larger than ${LIMITS.bodyBytes} bytes.`)).code(413);
    if (error.statusCode && error.statusCode < 500) return refuse(reply, new Refusal('INVALID_INPUT', 'The request could not be read.')).code(error.statusCode);
    const incident = randomUUID();
    system.log.error({ incident, error: describe(error) }, 'unexpected error');
    return reply.code(500).send({ errors: [{ message: `Something went wrong here. Tell your operator this incident id: ${incident}`, extensions: { code: 'INTERNAL_SERVER_ERROR', incident } }] });
  });

  server.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    // Before the body is read: who has no token costs no parsing.
    onRequest: async (request) => {
      const header = request.headers.authorization;
      const token = header?.startsWith('Bearer ') ? header.slice(7) : undefined;
      requests.set(request, new Request(system, await verifier.verify(token, request.id)));
    },
    onResponse: async (request) => requests.get(request)?.abandon(),
    handler: async (request, reply) => {
      const headers = new HeaderMap();
      for (const [name, value] of Object.entries(request.headers)) if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
      const state = requests.get(request)!;
      const answer = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest: { method: request.method, headers, search: new URL(request.url, 'http://localhost').search, body: request.body },
        context: async () => ({ request: state }),
      });
      for (const [name, value] of answer.headers) void reply.header(name, value);
      void reply.code(answer.status ?? 200).header('x-request-id', request.id);
      if (answer.body.kind !== 'complete') throw new Error('incremental delivery is off');
      return reply.send(answer.body.string);
    },
  });
  serveArtefacts(server, system);
  serveHealth(server, system);
  if (system.config.graphiql) serveGraphiql(server);
  server.addHook('onClose', () => apollo.stop());
  return server;
}
