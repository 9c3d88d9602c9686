import { partners, referralClicks, referralCodes } from '@tributary/schema/tables';
import { and, eq, gt, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import Fastify from 'fastify';
import postgres from 'postgres';
import { uuidv7 } from 'uuidv7';

/** A click as one records it with an ORM: look up the code, look for an earlier click of the visitor, insert. */
const db = drizzle(postgres(process.env['DATABASE_URL'] ?? '', { max: 8, onnotice: () => undefined }));
const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'info' } });
const DAY_MS = 86_400_000;

interface Body {
  referralCode: string;
  sessionId: string;
  landingUrl: string;
  source: 'web';
}

app.get('/health/ready', () => ({ status: 'ok' }));

app.post<{ Body: Body }>('/tracking/click', async (request, reply) => {
  const { referralCode, sessionId, landingUrl, source } = request.body;
  const [code] = await db
    .select({ code: referralCodes.code, partnerId: partners.id })
    .from(referralCodes)
    .innerJoin(partners, eq(partners.id, referralCodes.partnerId))
    .where(eq(sql`lower(${referralCodes.code})`, referralCode.toLowerCase()));
  if (code === undefined) return reply.code(404).send({ success: false });
  const clickedAt = new Date();
  const [earlier] = await db
    .select({ id: referralClicks.id })
    .from(referralClicks)
    .where(
      and(
        eq(referralClicks.programId, 'default'),
        eq(referralClicks.visitorHash, sessionId),
        eq(referralClicks.referralCode, code.code),
        gt(referralClicks.clickedAt, new Date(clickedAt.getTime() - DAY_MS)),
      ),
    )
    .limit(1);
  const [click] = await db
    .insert(referralClicks)
    .values({
      id: uuidv7(),
      partnerId: code.partnerId,
      referralCode: code.code,
      landingUrl,
      source,
      status: earlier === undefined ? 'valid' : 'duplicate',
      visitorHash: sessionId,
      clickedAt,
    })
    .returning();
  return reply.code(201).send({ success: true, data: { clickId: click?.id, status: click?.status } });
});

await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
