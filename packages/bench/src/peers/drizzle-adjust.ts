import { auditLogs, commissionEntries, commissions, outboxEvents } from '@tributary/schema/tables';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import Fastify from 'fastify';
import postgres from 'postgres';
import { uuidv7 } from 'uuidv7';

/** The adjustment as one writes it with an ORM: read, check, and four writes in an interactive transaction. */
const db = drizzle(postgres(process.env['DATABASE_URL'] ?? '', { max: 8, onnotice: () => undefined }));
const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'info' } });

app.get('/health/ready', () => ({ status: 'ok' }));

app.post<{ Params: { id: string }; Body: { newAmount: number; reason: string } }>(
  '/operations/commissions/:id/adjust',
  async (request, reply) => {
    const { newAmount, reason } = request.body;
    const adjusted = await db.transaction(async (tx) => {
      const [before] = await tx
        .select()
        .from(commissions)
        .where(eq(commissions.id, request.params.id))
        .for('update');
      if (before === undefined) return undefined;
      const now = new Date();
      const [after] = await tx
        .update(commissions)
        .set({ commissionAmount: newAmount.toFixed(2), version: before.version + 1, updatedAt: now })
        .where(eq(commissions.id, before.id))
        .returning();
      if (after === undefined) return undefined;
      await tx.insert(commissionEntries).values({
        commissionId: after.id,
        version: after.version,
        partnerId: after.partnerId,
        kind: after.kind,
        currency: after.currency,
        action: 'adjusted',
        amountDelta: (newAmount - Number(before.commissionAmount)).toFixed(2),
        amountAfter: after.commissionAmount,
        statusBefore: before.status,
        statusAfter: after.status,
        reason,
        actor: 'bench',
        at: now,
      });
      await tx.insert(auditLogs).values({
        id: uuidv7(),
        entityType: 'commission',
        entityId: after.id,
        action: 'adjusted',
        actor: 'bench',
        changes: [
          { field: 'commissionAmount', oldValue: before.commissionAmount, newValue: after.commissionAmount },
        ],
        reason,
      });
      await tx.insert(outboxEvents).values({
        id: uuidv7(),
        type: 'commission.adjusted',
        subject: { commissionId: after.id, partnerId: after.partnerId },
        actor: { kind: 'system', id: null, name: 'bench' },
        data: { before: before.commissionAmount, after: after.commissionAmount, version: after.version },
        occurredAt: now,
        // Or the measured service's sweeper would send it during somebody's turn.
        sentAt: now,
      });
      return after;
    });
    if (adjusted === undefined) return reply.code(404).send({ success: false });
    return { success: true, data: adjusted };
  },
);

await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
