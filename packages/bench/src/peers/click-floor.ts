import { buildServiceApp, deriveIdentityKey, ok, success } from '@tributary/http-kit';
import { createHealth, createLogger, createMetrics } from '@tributary/runtime';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';

/** The endpoint for clicks as tracking-service builds it (identity, validation, answer, log, metrics), storing nothing. */
const SERVICE = 'tracking-service';
const logger = createLogger({ service: SERVICE, level: 'info' });
const app = await buildServiceApp({
  service: SERVICE,
  logger,
  metrics: createMetrics({ service: SERVICE }),
  health: createHealth({ logger, checks: {} }),
  identityKey: deriveIdentityKey(process.env['IDENTITY_SECRET'] ?? '', SERVICE),
});

const short = z.string().trim().min(1).max(200);

app.route({
  method: 'POST',
  url: '/tracking/click',
  schema: {
    body: z.strictObject({
      referralCode: short,
      productId: z.uuid().optional(),
      subId: short.optional(),
      landingUrl: z.url().optional(),
      source: z.enum(['web', 'mobile', 'app', 'email', 'social', 'unknown']).optional(),
      sessionId: short.optional(),
    }),
    response: { 201: success(z.object({ clickId: z.uuid(), status: z.enum(['valid', 'duplicate']) })) },
  },
  config: {
    operationId: 'recordClick',
    summary: 'Answer a click and store nothing',
    scope: 'public',
    rateClass: 'public',
    idempotency: false,
  },
  handler: async (_request, reply) => reply.code(201).send(ok({ clickId: uuidv7(), status: 'valid' })),
});

await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
