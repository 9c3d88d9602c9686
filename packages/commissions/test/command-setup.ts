import {
  attributeCode,
  readPolicies,
  recordConversion,
  type CommandContext,
  type CommandDeps,
  type PolicySource,
} from '@tributary/commissions';
import type { StoredEvent } from '@tributary/event-catalog';
import { connect, type Database } from '@tributary/schema';
import {
  createTestDatabase,
  insertPartner,
  insertPolicy,
  insertProduct,
  type TestScope,
} from '@tributary/testkit';
import { z } from 'zod';

/** A database with one partner, product and ten-percent policy, and what commands need. */
export async function setUp(t: TestScope) {
  const { serviceUrl, owner } = await createTestDatabase(t);
  // Many commands at once queue for connections and locks for as long as a busy machine needs.
  const url = new URL(serviceUrl);
  for (const limit of ['statement_timeout', 'lock_timeout']) url.searchParams.set(limit, '60s');
  const db = connect({
    url: url.href,
    applicationName: 'commands',
    acquireTimeoutMs: 60_000,
    answerTimeoutMs: 120_000,
  });
  t.teardown(() => db.close());
  const published: StoredEvent[] = [];
  const policies: PolicySource = {
    current: (programId) => readPolicies(db, programId),
    forget: () => undefined,
  };
  const deps: CommandDeps & { policies: PolicySource } = {
    db,
    policies,
    publish: (events) => published.push(...events),
  };
  const partner = await insertPartner(db);
  const product = await insertProduct(db);
  const policy = await insertPolicy(db);
  return { db, owner, deps, published, partner, product, policy };
}

export const contextAt = (now = new Date()): CommandContext => ({
  programId: 'default',
  actor: { kind: 'user', id: null, name: 'Ada Admin' },
  requestId: 'req-1',
  ipAddress: '203.0.113.0',
  userAgent: 'tap',
  now,
});

type SetUp = Awaited<ReturnType<typeof setUp>>;

let orders = 0;

/** Records a confirmed order of one line by coupon, and answers its conversion and commission. */
export async function recordSale(
  { deps, partner, product }: SetUp,
  options: { amount?: string; orderId?: string; partnerId?: string; now?: Date } = {},
): Promise<{ conversionId: string; commissionId: string; orderId: string }> {
  orders += 1;
  const orderId = options.orderId ?? `SO-${orders}`;
  const now = options.now ?? new Date();
  const amount = options.amount ?? '100.00';
  const recorded = await recordConversion(deps, contextAt(now), {
    orderId,
    currency: 'USD',
    placedAt: now,
    customerRefHash: null,
    confirmed: true,
    lines: [{ productId: product.id, quantity: 1, amount, commissionableAmount: amount }],
    metadata: {},
    attribute: async () =>
      attributeCode('last_touch', {
        partnerId: options.partnerId ?? partner.id,
        referralCode: partner.referralCode,
      }),
  });
  if (recorded.outcome === 'conflict' || recorded.outcome === 'contended') {
    throw new Error(`the sale was not recorded: ${recorded.outcome}`);
  }
  const [conversion] = rowsSchema.parse(JSON.parse(recorded.conversions));
  const [commission] = rowsSchema.parse(JSON.parse(recorded.commissions));
  return { conversionId: conversion?.id ?? '', commissionId: commission?.id ?? '', orderId };
}

const rowsSchema = z.array(z.object({ id: z.string() }));

/** Changes of a commission as its entries, audit rows and events tell them: all three must be the same list. */
export async function historyOf(db: Database, commissionId: string) {
  const entries = await db.query<{ action: string; version: number }>(
    'SELECT action, version FROM commission_entries WHERE commission_id = $1 ORDER BY version',
    [commissionId],
  );
  const audit = await db.query<{ action: string }>(
    `SELECT action FROM audit_logs WHERE entity_type = 'commission' AND entity_id = $1 ORDER BY id`,
    [commissionId],
  );
  const events = await db.query<{ type: string }>(
    `SELECT type FROM outbox_events WHERE subject ->> 'commissionId' = $1 ORDER BY id`,
    [commissionId],
  );
  return {
    versions: entries.map((entry) => entry.version),
    entries: entries.map((entry) => entry.action),
    audit: audit.map((row) => row.action),
    events: events.map((event) => event.type.replace('commission.', '')),
  };
}
