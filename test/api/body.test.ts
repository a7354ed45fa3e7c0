import { expect, test } from '@jest/globals';
import Fastify from 'fastify';
import { readJson } from '../../src/api/body.ts';

test('a key that is __proto__ is read as none, in whatever letters it is written and however deep', async () => {
  const server = Fastify();
  readJson(server, 100);
  server.post('/', (request) => ({ read: JSON.stringify(request.body) }));
  const read = async (payload: string): Promise<unknown> =>
    (await server.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json' }, payload })).json().read;
  const names = ['__proto__', String.raw`\u005f_proto__`, String.raw`__\u0070roto__`, String.raw`_\u005Fpro\u0074o__`];
  for (const name of names) expect(await read(`{"a":[{"${name}":{"x":1},"b":2}]}`)).toBe('{"a":[{"b":2}]}');
  expect(await read(String.raw`{"a":"\u005f_proto__ \\u005f","b":"\/"}`)).toBe(
    JSON.stringify({ a: String.raw`__proto__ \u005f`, b: '/' }),
  );
  await server.close();
});
