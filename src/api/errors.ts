import { randomUUID } from 'node:crypto';
import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';
import { sqlState } from '../database/db.ts';
import { describe, Refusal } from '../errors.ts';
import type { System } from '../system.ts';

/** Errors of the document itself, which Apollo words without naming anything of ours. */
const DOCUMENT_CODES = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

/** PostgreSQL takes a NUL neither in a text (22021) nor, escaped, in JSON (22P05). */
const UNSTORABLE = new Set(['22021', '22P05']);

/** Of a statement that the database cancelled, and of statements that took as long together. */
export const tookTooLong = (seconds: number): Refusal =>
  new Refusal('LIMIT_EXCEEDED', `This took longer than ${seconds} s and was cancelled.`);

/**
 * What a caller sees of an error: a Refusal with its code, an error of the document as it is, and of anything else no more than the id
 * under which the log has it. SQL, stacks and values stay here.
 */
export function maskErrors(system: System): (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError {
  return (formatted, error) => {
    const cause = causeOf(error);
    const where = {
      ...(formatted.path ? { path: formatted.path } : {}),
      ...(formatted.locations ? { locations: formatted.locations } : {}),
    };
    const refusal = sqlState(cause) === '57014' ? tookTooLong(system.config.limits.seconds) : cause;
    if (refusal instanceof Refusal) return { message: refusal.message, ...where, extensions: { code: refusal.code } };
    if (UNSTORABLE.has(sqlState(cause) ?? ''))
      return {
        message: 'A text holds a NUL, which cannot be kept here.',
        ...where,
        extensions: { code: 'INVALID_INPUT' },
      };
    const code = formatted.extensions?.['code'];
    if (typeof code === 'string' && DOCUMENT_CODES.has(code) && cause === error)
      return { message: formatted.message, ...where, extensions: { code } };
    if (isOfArgument(cause)) return { message: cause.message, ...where, extensions: { code: 'BAD_USER_INPUT' } };
    const incident = randomUUID();
    if (cannotNow(cause)) {
      system.log.error({ incident, error: describe(cause) }, 'the database cannot be reached, or has no room');
      return {
        message: `The database cannot be reached, or has no room. Try again later; your operator finds the cause under this incident id: ${incident}`,
        ...where,
        extensions: { code: 'UNAVAILABLE', incident },
      };
    }
    system.log.error({ incident, error: describe(cause) }, 'unexpected error');
    return {
      message: `Something went wrong here. Tell your operator this incident id: ${incident}`,
      ...where,
      extensions: { code: 'INTERNAL_SERVER_ERROR', incident },
    };
  };
}

/** An argument that a variable leaves without a value it must have shows only when its field is executed; such an error points at the argument, ours at a field. */
function isOfArgument(error: unknown): error is GraphQLError {
  return error instanceof GraphQLError && error.nodes?.[0]?.kind === Kind.VARIABLE;
}

/** Connection lost or refused (class 08), no room or no connection left (53), shut down or starting (57P): by SQLSTATE, or by the socket's own code. */
export function cannotNow(error: unknown): boolean {
  if (/^(?:08|53|57P)/.test(sqlState(error) ?? '')) return true;
  const { code } = (error ?? {}) as { code?: unknown };
  return ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'ETIMEDOUT'].includes(String(code));
}

/** What a resolver threw, or a rule of ours refused; otherwise the error itself. */
export function causeOf(error: unknown): unknown {
  for (let inner = error; inner instanceof GraphQLError; inner = inner.originalError)
    if (inner.originalError instanceof Refusal) return inner.originalError;
  return unwrapResolverError(error);
}
