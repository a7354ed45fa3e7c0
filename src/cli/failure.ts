import { sqlState } from '../database/db.ts';
import { Refusal } from '../errors.ts';

/** Ends a command with exit code 1 after it has said everything itself: findings of doctor, a log that does not verify. */
export class CommandFailed extends Error {
  override name = 'CommandFailed';
}

/** What a failed command says: `code: message`, on as few lines as tell what to do. Values of a database error stay out of it. */
export function failureText(error: unknown): string {
  if (error instanceof Refusal) return `${error.code}: ${error.message}`;
  const { code, port, address, message } = (error ?? {}) as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === 'EADDRINUSE')
    return `UNAVAILABLE: Port ${port} on ${address} is in use. Stop the program that uses it, or set HABEAS_PORT to another port (0 takes a free one).`;
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT')
    return 'UNAVAILABLE: The database does not answer. Is it running, and is HABEAS_DATABASE_URL right?';
  const state = sqlState(error);
  if (state === '28P01' || state === '28000')
    return 'UNAVAILABLE: The database refuses this role and password. Check HABEAS_DATABASE_URL and HABEAS_MIGRATION_URL.';
  if (state === '3D000') return 'UNAVAILABLE: There is no such database. Create it, or check HABEAS_DATABASE_URL.';
  if (state) return `UNAVAILABLE: The database refused a statement (SQLSTATE ${state}). Run: habeas doctor`;
  return `UNAVAILABLE: ${message || String(error)}`;
}
