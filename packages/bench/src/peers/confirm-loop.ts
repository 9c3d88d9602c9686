import { auditLogs, commissionEntries, commissions, outboxEvents } from '@tributary/schema/tables';
import { and, eq, lte } from 'drizzle-orm';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { uuidv7 } from 'uuidv7';

/** Confirms what is due as one writes it with an ORM: a query for the rows, then a transaction for each of them. */
export async function confirmInALoop(url: string): Promise<number> {
  const client = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const db = drizzle(client);
    const due = await db
      .select({ id: commissions.id })
      .from(commissions)
      .where(and(eq(commissions.status, 'pending'), lte(commissions.holdUntil, new Date())));
    let confirmed = 0;
    for (const { id } of due) confirmed += (await confirmOne(db, id)) ? 1 : 0;
    return confirmed;
  } finally {
    await client.end();
  }
}

function confirmOne(db: PostgresJsDatabase, id: string): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [before] = await tx.select().from(commissions).where(eq(commissions.id, id)).for('update');
    if (before?.status !== 'pending') return false;
    const now = new Date();
    const [after] = await tx
      .update(commissions)
      .set({ status: 'confirmed', version: before.version + 1, confirmedAt: now, updatedAt: now })
      .where(eq(commissions.id, id))
      .returning();
    if (after === undefined) return false;
    const { version, partnerId, kind, currency, commissionAmount } = after;
    await tx.insert(commissionEntries).values({
      commissionId: id,
      version,
      partnerId,
      kind,
      currency,
      action: 'confirmed',
      amountDelta: '0',
      amountAfter: commissionAmount,
      statusBefore: 'pending',
      statusAfter: 'confirmed',
      actor: 'bench',
      at: now,
    });
    await tx.insert(auditLogs).values({
      id: uuidv7(),
      entityType: 'commission',
      entityId: id,
      action: 'confirmed',
      actor: 'bench',
      changes: [{ field: 'status', oldValue: 'pending', newValue: 'confirmed' }],
    });
    await tx.insert(outboxEvents).values({
      id: uuidv7(),
      type: 'commission.confirmed',
      subject: { commissionId: id, partnerId },
      actor: { kind: 'system', id: null, name: 'bench' },
      data: { before: before.status, after: after.status, version },
      occurredAt: now,
    });
    return true;
  });
}
