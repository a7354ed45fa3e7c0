import type { FastifyInstance } from 'fastify';
import { Refusal } from '../errors.ts';
import type { System } from '../system.ts';

/** Downloads of export files. */
export function serveArtefacts(server: FastifyInstance, _system: System): void {
  server.get('/artefacts/:id', async () => {
    throw new Refusal('NOT_FOUND', 'No such file.');
  });
}
