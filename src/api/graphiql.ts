import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import type { FastifyInstance } from 'fastify';

const { resolve } = createRequire(import.meta.url);
const ASSETS: Record<string, [string, string]> = {
  'react.js': [resolve('react/umd/react.production.min.js'), 'text/javascript'],
  'react-dom.js': [resolve('react-dom/umd/react-dom.production.min.js'), 'text/javascript'],
  'graphiql.js': [resolve('graphiql/graphiql.min.js'), 'text/javascript'],
  'graphiql.css': [resolve('graphiql/graphiql.min.css'), 'text/css'],
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
const fetcher = GraphiQL.createFetcher({ url: '/graphql' });
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
      .header('content-security-policy', "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:")
      .type('text/html; charset=utf-8')
      .send(PAGE),
  );
  server.get('/graphiql/start.js', async (_request, reply) => reply.type('text/javascript').send(START));
  for (const [name, [path, type]] of Object.entries(ASSETS)) {
    server.get(`/graphiql/${name}`, async (_request, reply) => reply.type(type).header('cache-control', 'max-age=86400').send(createReadStream(path)));
  }
}
