import type { FastifyInstance } from 'fastify';
import { pendingMigrations } from '../database/migrate.ts';
import type { System } from '../system.ts';

/** `/livez`: the process answers. `/readyz`: the database answers and has this version's schema. `/metrics`: Prometheus text, without personal data. */
export function serveHealth(server: FastifyInstance, system: System): void {
  server.get('/livez', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    try {
      const pending = await pendingMigrations(system.source);
      return pending.length
        ? reply.code(503).send({ status: 'unavailable', reason: 'migrations are pending' })
        : { status: 'ok' };
    } catch {
      return reply.code(503).send({ status: 'unavailable', reason: 'the database does not answer' });
    }
  });
  const requests = new Map<string, number>();
  server.addHook('onResponse', async (request, reply) => {
    const name = `habeas_http_requests_total{route="${request.routeOptions.url ?? 'none'}",status="${reply.statusCode}"}`;
    requests.set(name, (requests.get(name) ?? 0) + 1);
  });
  server.get('/metrics', async (_request, reply) => {
    const memory = process.memoryUsage();
    const lines = [
      '# TYPE habeas_http_requests_total counter',
      ...[...requests].map(([name, value]) => `${name} ${value}`),
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${memory.rss}`,
      '# TYPE process_uptime_seconds gauge',
      `process_uptime_seconds ${Math.round(process.uptime())}`,
    ];
    return reply.header('content-type', 'text/plain; version=0.0.4').send(`${lines.join('\n')}\n`);
  });
}
