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
