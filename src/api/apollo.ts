import { ApolloServer, HeaderMap, type ApolloServerOptions, type ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled, ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { GraphQLError, OperationTypeNode, type GraphQLSchema } from 'graphql';
import { describe, Refusal } from '../errors.ts';
import type { Context } from '../scope/context.ts';
import type { System } from '../system.ts';
import { checkCost, costOf } from './cost.ts';
import { readDocument } from './document.ts';
import { causeOf, maskErrors } from './errors.ts';
import { executeOperation } from './executor.ts';
import { limitsRule } from './limits.ts';
import type { Request } from './request-scope.ts';
import { makeSchema } from './schema.ts';

const ABOUT_THE_DOCUMENT = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'BAD_USER_INPUT']);

/** Ties Apollo's life of a request to the scope's: what it may cost, what may be introspected, which transaction, the audit entries before the answer. */
function lifecycle(system: System): ApolloServerPlugin<Context> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ contextValue, operation, document, schema, request: { variables } }) {
          const request = contextValue.request as Request;
          request.mutation = operation?.operation === OperationTypeNode.MUTATION;
          const said = readDocument(document);
          if (said.introspects && !request.scope.permissions.has('schema:read')) {
            throw new GraphQLError('', {
              originalError: new Refusal('FORBIDDEN', 'Introspection: this token does not hold schema:read.'),
              extensions: { http: { status: 403 } },
            });
          }
          if (operation) checkCost(system.config.limits, costOf(schema, operation, said.fragments, variables ?? {}));
        },
        // Before Apollo would have it executed: see `executing`.
        async responseForOperation({ contextValue, operation, document, schema, request }) {
          if (!operation) return null;
          const executed = Promise.try(() => executeOperation(schema, document, operation, request, contextValue));
          (contextValue.request as Request).executed = executed;
          const result = await executed.catch(() => undefined);
          return result && !result.errors ? { http: HEAD, body: { kind: 'single', singleResult: { data: result.data } } } : null;
        },
        async willSendResponse({ contextValue, request: { http }, response, errors }) {
          const state = contextValue.request as Request;
          // Whoever refused it, and why: what a token may not do is in the log when it is tried.
          for (const error of errors ?? []) {
            const cause = causeOf(error);
            if (cause instanceof Refusal && cause.code === 'FORBIDDEN')
              state.note('permission.denied', { field: String(error.path?.[0] ?? '__schema') }, 'DENIED');
          }
          await state.finish().catch((error: unknown) => {
            system.log.error({ error: describe(error) }, 'an answer was withheld: its reads could not be recorded');
            throw error;
          });
          // GraphQL over HTTP: to a caller of application/json, an answer about the document is an answer.
          const plainJson = !http?.headers.get('accept')?.includes('application/graphql-response+json');
          if (plainJson && errors?.length && errors.every((error) => ABOUT_THE_DOCUMENT.has(String(error.extensions['code']))))
            response.http.status = 200;
        },
      };
    },
  };
}

const HEAD = { headers: new HeaderMap() };

/**
 * Apollo leaves the execution to whoever it takes for a gateway, and makes of its errors what it makes of its own. A gateway is handed an object with accessors, which has a
 * description of its own in the old heap, and holds the whole request there until that is collected: so an answer without errors is given before.
 */
function executing(schema: GraphQLSchema): NonNullable<ApolloServerOptions<Context>['gateway']> {
  return {
    onSchemaLoadOrUpdate: (loaded) => {
      loaded({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => undefined;
    },
    load: async () => ({
      executor: async ({ document, operation, request, context }) =>
        ((context as Context).request as Request).executed ?? executeOperation(schema, document, operation, request, context),
    }),
    stop: async () => undefined,
  };
}

/** Apollo Server with everything off that answers more than was asked. */
export async function makeApollo(system: System): Promise<ApolloServer<Context>> {
  const { limits } = system.config;
  const apollo = new ApolloServer<Context>({
    gateway: executing(await makeSchema()),
    introspection: true,
    hideSchemaDetailsFromClientErrors: true,
    includeStacktraceInErrorResponses: false,
    allowBatchedHttpRequests: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: limits.tokens },
    maxRecursiveSelections: limits.selections,
    validationRules: [limitsRule(limits)],
    formatError: maskErrors(system),
    // No answer may be cached; asking each field how long it may be costs time.
    plugins: [lifecycle(system), ApolloServerPluginLandingPageDisabled(), ApolloServerPluginCacheControlDisabled()],
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: (message) => system.log.warn({}, String(message)),
      error: () => undefined,
    },
  });
  await apollo.start();
  return apollo;
}
