import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseRange } from '../artefacts/range.ts';
import { openSealed } from '../artefacts/sealed-stream.ts';
import { artefactContext, artefactKey } from '../data/artefact/artefact.queries.ts';
import { openLink } from '../data/artefact/link.service.ts';
import { Refusal } from '../errors.ts';
import type { System } from '../system.ts';
import type { Guard } from './guard.ts';

const STATUS: Partial<Record<string, number>> = { NOT_FOUND: 404, EXPIRED: 410, UNAVAILABLE: 503 };

type Download = FastifyRequest<{ Params: { id: string }; Querystring: { token?: unknown } }>;

/**
 * Downloads of export files, by links that open once. The ETag of the first answer is the secret of its session: given in If-Range, it resumes the
 * download (RFC 9110, sections 13.1.5 and 14). A HEAD tells the size and opens nothing.
 */
export function serveArtefacts(
  server: FastifyInstance,
  system: System,
  { admitDownload, noteRefusal }: Pick<Guard, 'admitDownload' | 'noteRefusal'>,
): void {
  server.route({
    method: ['GET', 'HEAD'],
    url: '/artefacts/:id',
    onRequest: admitDownload,
    handler: async (request: Download, reply) => {
      void reply.headers({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-request-id': request.id,
      });
      try {
        return await download(system, request, reply);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (error.code === 'NOT_FOUND') noteRefusal(request);
        return reply
          .code(STATUS[error.code] ?? 400)
          .type('application/json; charset=utf-8')
          .send({ errors: [{ message: error.message, extensions: { code: error.code } }] });
      }
    },
  });
}

async function download(system: System, request: Download, reply: FastifyReply): Promise<FastifyReply> {
  const { token } = request.query;
  const ifRange = request.headers['if-range'];
  const given = typeof ifRange === 'string' ? /^"([\w-]{43})"$/.exec(ifRange)?.[1] : undefined;
  const open = request.method === 'GET';
  const { artefact, tenantId, key, session } = await openLink(
    system,
    request.params.id,
    typeof token === 'string' ? token : '',
    { open, session: given, range: request.headers.range },
    request.id,
  );
  void reply
    .type(artefact.contentType)
    .headers({ 'accept-ranges': 'bytes', 'content-disposition': `attachment; filename="${artefact.fileName}"` });
  if (!open) return reply.header('content-length', artefact.size).send();
  void reply.header('etag', `"${session}"`);
  // A range is of the representation the client already has a part of; one that names another is answered whole.
  const range = ifRange === undefined || given === session ? parseRange(request.headers.range, artefact.size) : undefined;
  if (range === 'unsatisfiable') return reply.code(416).header('content-range', `bytes */${artefact.size}`).send();
  const { start, end } = range ?? { start: 0, end: artefact.size - 1 };
  const file = await system.files.open(artefactKey(tenantId, artefact.id));
  if (range) void reply.code(206).header('content-range', `bytes ${start}-${end}/${artefact.size}`);
  return reply
    .header('content-length', end - start + 1)
    .send(openSealed(key, artefactContext(tenantId, artefact.id), file, artefact.size, { start, end }));
}
