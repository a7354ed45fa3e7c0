import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';

const { resolve } = createRequire(import.meta.url);
/** A file of an installed package, whether or not the package exports it. */
const fileOf = (name: string, path: string): string => join(dirname(resolve(`${name}/package.json`)), path);

const ASSETS: Record<string, { package: string; path: string; type: string }> = {
  'react.js': { package: 'react', path: 'umd/react.production.min.js', type: 'text/javascript' },
  'react-dom.js': { package: 'react-dom', path: 'umd/react-dom.production.min.js', type: 'text/javascript' },
  'graphiql.js': { package: 'graphiql', path: 'graphiql.min.js', type: 'text/javascript' },
  'graphiql.css': { package: 'graphiql', path: 'graphiql.min.css', type: 'text/css' },
};

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Habeas</title>
    <link rel="stylesheet" href="/graphiql/graphiql.css" />
    <style>html, body, #graphiql { height: 100%; margin: 0; }</style>
  </head>
  <body>
    <div id="graphiql">Loading…</div>
    <script src="/graphiql/react.js"></script>
    <script src="/graphiql/react-dom.js"></script>
    <script src="/graphiql/graphiql.js"></script>
    <script src="/graphiql/start.js"></script>
  </body>
</html>`;

const START = `
const send = GraphiQL.createFetcher({ url: '/graphql' });
const fetcher = (params, options) =>
  /Bearer ./.test(options?.headers?.Authorization ?? '')
    ? send(params, options)
    : { errors: [{ message: 'Put a token under Headers below, as {"Authorization": "Bearer <token>"}; then press the button that re-fetches the schema.' }] };
const query = \`# Put your token under Headers below: {"Authorization": "Bearer <token>"}
{
  me { id profile { displayName } }
}\`;
ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery: query, defaultHeaders: '{"Authorization": "Bearer "}', shouldPersistHeaders: false, defaultEditorToolsVisibility: 'headers' }),
);`;

/** GraphiQL at `/`, from this machine alone: its scripts come from the installed packages, and the page may load nothing else. */
export function serveGraphiql(server: FastifyInstance): void {
  server.get('/', async (_request, reply) =>
    reply
      .header(
        'content-security-policy',
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:",
      )
      .type('text/html; charset=utf-8')
      .send(PAGE),
  );
  server.get('/favicon.ico', async (_request, reply) => reply.code(204).send());
  server.get('/graphiql/start.js', async (_request, reply) => reply.type('text/javascript').send(START));
  for (const [name, asset] of Object.entries(ASSETS)) {
    server.get(`/graphiql/${name}`, async (_request, reply) =>
      reply
        .type(asset.type)
        .header('cache-control', 'max-age=86400')
        .send(createReadStream(fileOf(asset.package, asset.path))),
    );
  }
}
