import { commissions } from '@tributary/schema/tables';
import { and, desc, eq, gte, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import Fastify from 'fastify';
import postgres from 'postgres';

/** A page by keyset as one writes it with an ORM: the query is built and planned for each request, rows become objects. */
const db = drizzle(
  postgres(process.env['DATABASE_URL'] ?? '', { max: 8, prepare: false, onnotice: () => undefined }),
);
const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'info' } });

app.get('/health/ready', () => ({ status: 'ok' }));

app.get<{ Querystring: { partnerId: string; dateFrom: string; before: string; id: string } }>(
  '/operations/commissions',
  async ({ query: { partnerId, dateFrom, before, id } }) => {
    const { createdAt } = commissions;
    const data = await db
      .select()
      .from(commissions)
      .where(
        and(
          eq(commissions.programId, 'default'),
          eq(commissions.partnerId, partnerId),
          gte(createdAt, new Date(dateFrom)),
          sql`(${createdAt}, ${commissions.id}) < (${before}::timestamptz, ${id}::uuid)`,
        ),
      )
      .orderBy(desc(createdAt), desc(commissions.id))
      .limit(20);
    return { success: true, data };
  },
);

await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
