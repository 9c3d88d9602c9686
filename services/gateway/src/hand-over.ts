import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Gives a request as it came, and the reply's headers so far, to another app of this process. */
export function handOver(
  app: Pick<FastifyInstance, 'routing'>,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const own = reply.getHeaders();
  reply.hijack();
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  app.routing(request.raw, reply.raw);
}
