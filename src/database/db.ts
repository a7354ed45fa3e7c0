import type { EntityManager } from 'typeorm';

/** A transaction on the database, opened by `inScope` (or by a command), through which every statement of an act goes. */
export type Db = Pick<EntityManager, 'query'>;

/** The SQLSTATE of a database error (PostgreSQL's appendix A), or undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: { code?: unknown } };
  const state = driverError?.code ?? code;
  return typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) ? state : undefined;
}
