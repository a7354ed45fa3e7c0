import { Refusal } from '../errors.ts';

/** An option that may be given several times. */
export const repeated = (value: string, before: string[]): string[] => [...before, value];

/** An option with a closed list of values. */
export function oneOf<T extends string>(name: string, value: string, values: readonly T[]): T {
  const found = values.find((candidate) => candidate === value);
  if (!found) throw new Refusal('INVALID_INPUT', `${name}: ${value} is none of ${values.join(', ')}.`);
  return found;
}
