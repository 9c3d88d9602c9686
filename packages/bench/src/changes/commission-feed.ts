import { exampleEvent, type EventEnvelope, type StoredEvent } from '@tributary/event-catalog';
import { connectMessaging, createPublisher, publishUnrecorded, type Messaging } from '@tributary/messaging';
import { createLogger, createMetrics } from '@tributary/runtime';
import { connect } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import type { BenchServers } from '../rows/bench-servers.ts';

const PARTNERS = 200;
const POLICIES = 20;

const idOf = (kind: number, n: string): string =>
  `('${kind}0000000-0000-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;

/** Written as by the statements that create commissions: the row and its event, committed together. */
const COMMIT = `
  WITH made AS (
    INSERT INTO commissions (id, partner_id, policy_id, policy_version, policy_type, conversion_id, status, commission_amount,
      order_amount, basis_amount, basis_left, currency, created_at)
    SELECT id, "partnerId", "policyId", 1, 'percentage', id, 'pending', 10, 100, 10, 100, 'USD', "createdAt"
    FROM jsonb_to_recordset($2::jsonb) AS c (id uuid, "partnerId" uuid, "policyId" uuid, "createdAt" timestamptz)),
  events AS (
    INSERT INTO outbox_events (id, type, subject, actor, data, occurred_at)
    SELECT id, type, subject, actor, data, "occurredAt"
    FROM jsonb_to_recordset($1::jsonb)
      AS e (id uuid, type text, subject jsonb, actor jsonb, data jsonb, "occurredAt" timestamptz)
    RETURNING created_at)
  SELECT created_at FROM events LIMIT 1`;

/** Earnings of an hour: so many of each partner. */
const BEFORE = `
  INSERT INTO commissions (id, partner_id, policy_id, policy_version, policy_type, conversion_id, status, commission_amount,
    order_amount, basis_amount, basis_left, currency, created_at)
  SELECT id, ${idOf(1, `1 + g % ${PARTNERS}`)}, ${idOf(3, `1 + g % ${POLICIES}`)}, 1, 'percentage', id, 'pending', 10, 100, 10, 100,
    'USD', date_trunc('hour', now())
  FROM (SELECT g, uuidv7() AS id FROM generate_series(1, $1::int) AS g) AS earning`;

const PREPARE = [
  `INSERT INTO partners (id, name, email) SELECT ${idOf(1, 'g')}, 'Partner ' || g, 'partner' || g || '@bench.example.com'
   FROM generate_series(1, ${PARTNERS}) AS g`,
  `INSERT INTO commission_policies (id, code, name) SELECT ${idOf(3, 'g')}, 'bench-' || g, 'Policy ' || g
   FROM generate_series(1, ${POLICIES}) AS g`,
  `INSERT INTO commission_policy_versions (policy_id, version, type, rate, effective_from)
   SELECT ${idOf(3, 'g')}, 1, 'percentage', 10, '2020-01-01' FROM generate_series(1, ${POLICIES}) AS g`,
];

/** A commission that came into being. */
export type CommissionCreated = EventEnvelope<'commission.created'>;

/** Commissions of 200 partners, all of them in the present hour. */
export interface CommissionFeed {
  readonly messaging: Messaging;
  /** Commissions that are there already, and that no event tells of. */
  haveBefore(count: number): Promise<void>;
  /** One more, of the request that is named. */
  next(requestId: string): CommissionCreated;
  /** Commits them and hands them to the product's publisher; answers when the commit was known. */
  commit(events: readonly CommissionCreated[]): Promise<number>;
  /** Commits them without telling anybody. */
  store(events: readonly CommissionCreated[]): Promise<void>;
  /** Straight to their stream. */
  publish(events: readonly CommissionCreated[]): Promise<void>;
  stop(): Promise<void>;
}

export async function startCommissionFeed({
  environment,
  ownerUrl,
  owner,
}: BenchServers): Promise<CommissionFeed> {
  for (const statement of PREPARE) await owner.query(statement);
  const messaging = connectMessaging({
    url: environment['NATS_URL'] ?? '',
    name: 'bench',
    logger: createLogger({ service: 'bench', level: 'warn' }),
    metrics: createMetrics({ service: 'bench' }),
  });
  // Without the look-ups of foreign keys: no orders and conversions are behind these commissions.
  const url = new URL(ownerUrl);
  url.searchParams.set('session_replication_role', 'replica');
  const patience = { acquireTimeoutMs: 60_000, answerTimeoutMs: 120_000 };
  const db = connect({ url: url.href, applicationName: 'bench-feed', ...patience });
  await messaging.whenLive(AbortSignal.timeout(10_000));
  const publisher = createPublisher({ messaging, db });
  let made = 0;

  const write = async (events: readonly CommissionCreated[]): Promise<Date> => {
    const rows = events.map(({ data: { commissionId: id, partnerId, policyId, createdAt } }) => ({
      id,
      partnerId,
      policyId,
      createdAt,
    }));
    const [stored] = await db.query<{ createdAt: Date }>(COMMIT, [events, rows]);
    return stored?.createdAt ?? new Date();
  };

  return {
    messaging,
    haveBefore: async (count) => void (await db.query(BEFORE, [count])),
    next: (requestId) => ({ ...commissionOf((made += 1)), requestId }),
    async commit(events) {
      const createdAt = await write(events);
      const at = performance.now();
      publisher.publish(events.map((event): StoredEvent => ({ ...event, createdAt })));
      return at;
    },
    store: async (events) => void (await write(events)),
    publish: async (events) =>
      void (await Promise.all(events.map((event) => publishUnrecorded(messaging, event)))),
    async stop() {
      await publisher.stop();
      await messaging.close();
      await db.close();
    },
  };
}

function commissionOf(n: number): CommissionCreated {
  const example = exampleEvent('commission.created');
  const id = (kind: number, of: number): string =>
    `${kind}0000000-0000-7000-8000-${String(of).padStart(12, '0')}`;
  const createdAt = new Date().toISOString();
  return {
    ...example,
    id: uuidv7(),
    occurredAt: createdAt,
    data: {
      ...example.data,
      commissionId: uuidv7(),
      partnerId: id(1, 1 + (n % PARTNERS)),
      policyId: id(3, 1 + (n % POLICIES)),
      currency: 'USD',
      after: { status: 'pending', commissionAmount: 10 },
      createdAt,
      paidAt: null,
    },
  };
}
