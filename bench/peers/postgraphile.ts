import { createServer } from 'node:http';
import { createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { grafserv } from 'postgraphile/grafserv/node';
import { makePgService } from 'postgraphile/adaptors/pg';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { postgraphile } from 'postgraphile';
import { job } from '../child.ts';

/**
 * PostGraphile 5 on the plain tables, as its documentation sets it up for production: GRAPHILE_ENV and NODE_ENV production, no Ruru,
 * no watching, prepared statements (its default, 100 kept), a pool of our size, whose idle connections are kept as long as ours. The token is verified, and its claims go to row-level
 * settings of the transaction, which the policies read.
 */
const settings = job<{ port: number; url: string; pool: number; secret: string }>();
const secret = createSecretKey(Buffer.from(settings.secret, 'base64url'));
type Claims = { tenant: string; app: string };

const pgl = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString: settings.url,
      schemas: ['plain'],
      poolConfig: { max: settings.pool, idleTimeoutMillis: 60_000 },
    }),
  ],
  grafserv: { port: settings.port, host: '127.0.0.1', graphiql: false, watch: false },
  grafast: {
    explain: false,
    context: (context: { node?: { req: { headers: { authorization?: string } } } }) => {
      const token = context.node!.req.headers.authorization!.slice('Bearer '.length);
      const { tenant, app } = jwt.verify(token, secret, { algorithms: ['HS256'] }) as Claims;
      return { pgSettings: { 'peer.tenant_id': tenant, 'peer.app_id': app } };
    },
  },
} as never);

const serv = pgl.createServ(grafserv);
const server = createServer();
await serv.addTo(server);
await pgl.getSchema();
server.listen(settings.port, '127.0.0.1');
process.once('SIGTERM', () => {
  server.closeAllConnections();
  server.close();
  void Promise.resolve(pgl.release()).then(() => process.exit(0));
});
