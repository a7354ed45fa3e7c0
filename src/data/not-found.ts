import { Refusal } from '../errors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** An id as the database writes it, or undefined for a text that cannot be one. */
export function parseId(text: string): string | undefined {
  const id = text.toLowerCase();
  return UUID.test(id) ? id : undefined;
}

/** The one answer for what does not exist, was erased, or lies outside the scope: nobody can tell these apart. */
export const notFound = (noun: string): Refusal => new Refusal('NOT_FOUND', `No such ${noun} in the scope of this token.`);

/** The id of something asked for by a caller; one that cannot exist is answered as one that does not. */
export function requireId(text: string, noun: string): string {
  const id = parseId(text);
  if (!id) throw notFound(noun);
  return id;
}
