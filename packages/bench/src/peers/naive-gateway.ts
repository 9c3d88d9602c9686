import Fastify from 'fastify';
import { Redis } from 'ioredis';
import { request } from 'undici';

/** A gateway as one writes it first: a round trip to Redis for each request's limit, then the answer streamed through. */
const redis = new Redis(process.env['REDIS_URL'] ?? '');
const upstream = process.env['UPSTREAM'] ?? '';
const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'info' } });
const WINDOW_SECONDS = 900;

app.get('/health/ready', () => ({ status: 'ok' }));

app.get('/api/v1/*', async (incoming, reply) => {
  const key = `naive:${incoming.headers.authorization ?? ''}`;
  const used = await redis.incr(key);
  if (used === 1) await redis.expire(key, WINDOW_SECONDS);
  const answer = await request(upstream + incoming.url.slice('/api/v1'.length));
  return reply
    .code(answer.statusCode)
    .header('content-type', answer.headers['content-type'])
    .send(answer.body);
});

await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
