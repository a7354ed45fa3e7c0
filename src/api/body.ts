import type { FastifyInstance } from 'fastify';
import { Refusal } from '../errors.ts';
import { nestingOf } from './limits.ts';

/** Reads JSON bodies, after counting their brackets: what is nested without end would end the parser, or whoever walks the value. */
export function readJson(server: FastifyInstance, nesting: number): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(/^application\/(graphql-response\+)?json\b/, { parseAs: 'string' }, (_request, body, done) => {
    const text = body as string;
    const found = nestingOf(text);
    if (found > nesting)
      return done(new Refusal('LIMIT_EXCEEDED', `The request body nests ${found} brackets; the limit is ${nesting}.`));
    try {
      return done(null, text === '' ? undefined : parse(text));
    } catch {
      return done(new Refusal('INVALID_INPUT', 'The request body is not JSON.'));
    }
  });
}

/** A key that says `__proto__` in other letters has a backslash. */
const parse = (text: string): unknown => (/__proto__|\\u/.test(text) ? JSON.parse(text, withoutPrototype) : JSON.parse(text));

/** `__proto__` in JSON is a key like any other, and of no use here but to an attacker. */
function withoutPrototype(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value;
}
