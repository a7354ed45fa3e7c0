import { validate as isUuid } from 'uuid';
import { Refusal } from '../errors.ts';

/** An optional id as an argument gives it. What is no UUID is refused here: to PostgreSQL it would be a syntax error. */
export function uuidArgument(name: string, value: string | null | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (!isUuid(value)) throw new Refusal('INVALID_INPUT', `${name}: not a UUID.`);
  return value.toLowerCase();
}
