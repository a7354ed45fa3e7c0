/**
 * The closed list of what a caller can be refused for; each appears as `extensions.code` of a GraphQL error and
 * in front of a command's message.
 */
const REFUSAL_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'INVALID_INPUT',
  'LIMIT_EXCEEDED',
  'EXPIRED',
  'UNAVAILABLE',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** A failure that is the caller's to mend. Anything else that is thrown is a bug, and is masked. */
export class Refusal extends Error {
  override name = 'Refusal';
  constructor(
    readonly code: RefusalCode,
    message: string,
  ) {
    super(message);
  }
}

/** Of a database error the SQLSTATE and the frames of its stack only: its message and detail may quote values, as those of JSON that is none do. */
export function describe(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code } = error as { code?: unknown };
  const database = 'driverError' in error || (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code));
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    ...(database || error instanceof SyntaxError ? {} : { message: error.message }),
    // The message stands before the frames, and may have lines of its own.
    stack: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line) && !error.message.includes(line))
      .slice(0, 11),
  };
}
