import { PARTNER_EVENT_TYPES } from '@tributary/event-catalog';
import { reconcileRollups } from '@tributary/rollups';
import { type Database, DEFAULT_PROGRAM } from '@tributary/schema';

import type { Accepted } from './accepted.ts';

/** A run of load that is over, and what is known of it from outside the platform. */
export interface Run {
  /** The platform's database, as its owner. */
  readonly owner: Database;
  /** Part of every order id and referral code of the run. */
  readonly runId: string;
  readonly since: Date;
  readonly accepted: AsyncIterable<Accepted>;
  /** Writes without an answer, or answered by a failure, by what they wanted: they may have taken effect or not. */
  readonly unclear: { readonly clicks: number; readonly orders: number; readonly changes: number };
  /** What was there before the users came, made by the run's own preparation. */
  readonly preparedOrders: number;
  /** The ids of the webhooks that came to the receiver. */
  readonly received: ReadonlySet<string>;
}

type Kind = keyof Accepted;

const one = async (
  owner: Database,
  sql: string,
  params: readonly (string | Date | string[] | number[])[],
): Promise<number> => {
  const [row] = await owner.query<{ n: number }>(sql, params);
  return row?.n ?? Number.NaN;
};

/** Rows of a portion that are not there, or not once. */
const MISSING_CLICKS = `
  SELECT count(*)::int AS n FROM unnest($1::uuid[]) AS accepted (id)
  WHERE (SELECT count(*) FROM referral_clicks c WHERE c.id = accepted.id) <> 1`;

// All at once rather than order by order: no index leads from a conversion to commissions of every kind.
const MISSING_ORDERS = `
  SELECT count(*)::int AS n FROM unnest($2::text[], $3::int[], $4::int[]) AS accepted (id, conversions, commissions)
  LEFT JOIN (
    SELECT o.external_id AS id, count(DISTINCT o.id) AS orders,
      count(DISTINCT v.id) FILTER (WHERE v.order_id = o.external_id) AS conversions, count(c.id) AS commissions
    FROM orders o
    LEFT JOIN conversion_events v ON v.program_id = o.program_id AND v.order_row_id = o.id
    LEFT JOIN commissions c ON c.program_id = v.program_id AND c.conversion_id = v.id
    WHERE o.program_id = $1 AND o.external_id = ANY($2::text[])
    GROUP BY 1
  ) AS found USING (id)
  WHERE (found.orders, found.conversions, found.commissions)
    IS DISTINCT FROM (1::bigint, accepted.conversions::bigint, accepted.commissions::bigint)`;

const MISSING_CHANGES = `
  SELECT count(*)::int AS n FROM unnest($2::uuid[], $3::int[], $4::text[]) AS accepted (id, version, action)
  WHERE NOT EXISTS (SELECT FROM commission_entries e WHERE e.program_id = $1 AND e.commission_id = accepted.id
    AND e.version = accepted.version AND e.action = accepted.action)`;

async function missingOf(
  owner: Database,
  { clicks, orders, changes }: Accepted,
): Promise<Record<Kind, number>> {
  return {
    clicks: await one(owner, MISSING_CLICKS, [clicks]),
    orders: await one(owner, MISSING_ORDERS, [
      DEFAULT_PROGRAM,
      orders.map(({ orderId }) => orderId),
      orders.map(({ conversions }) => conversions),
      orders.map(({ commissions }) => commissions),
    ]),
    changes: await one(owner, MISSING_CHANGES, [
      DEFAULT_PROGRAM,
      changes.map(({ commissionId }) => commissionId),
      changes.map(({ version }) => version),
      changes.map(({ action }) => action),
    ]),
  };
}

/** What the run left in the database, however it was answered; what a job did meanwhile nobody asked for. */
const STORED = {
  clicks: `SELECT count(*)::int AS n FROM referral_clicks
    WHERE program_id = $1 AND clicked_at >= $2 AND upper(referral_code) LIKE 'L' || upper($3) || 'P%'`,
  orders: `SELECT count(*)::int AS n FROM orders
    WHERE program_id = $1 AND created_at >= $2 AND external_id LIKE 'load-' || $3 || '-%'`,
  changes: `SELECT count(*)::int AS n FROM commission_entries e
    JOIN commissions c ON c.program_id = e.program_id AND c.id = e.commission_id
    WHERE e.program_id = $1 AND e.at >= $2 AND c.order_id LIKE 'load-' || $3 || '-%' AND e.action <> 'created'
      AND e.job_id IS NULL`,
} satisfies Record<Kind, string>;

/** Once each: what was accepted is there, and what is there was accepted, but for what got no clear answer. */
async function findLossAndDoubles(run: Run): Promise<string[]> {
  const { owner, unclear, preparedOrders } = run;
  const accepted = { clicks: 0, orders: 0, changes: 0 };
  const missing = { clicks: 0, orders: 0, changes: 0 };
  for await (const portion of run.accepted) {
    const found = await missingOf(owner, portion);
    for (const kind of ['clicks', 'orders', 'changes'] as const) {
      accepted[kind] += portion[kind].length;
      missing[kind] += found[kind];
    }
  }
  const faults: string[] = [];
  for (const kind of ['clicks', 'orders', 'changes'] as const) {
    const expected = accepted[kind] + (kind === 'orders' ? preparedOrders : 0);
    const stored = await one(owner, STORED[kind], [DEFAULT_PROGRAM, run.since, run.runId]);
    if (missing[kind] > 0)
      faults.push(`${missing[kind]} accepted ${kind} are not there as they were answered`);
    if (stored < expected || stored > expected + unclear[kind])
      faults.push(`${stored} ${kind} are stored, ${expected} were accepted and ${unclear[kind]} unclear`);
  }
  return faults;
}

/** A commission's entries, audit rows and events say the same, and the commission is what its entries have made of it. */
const CONTRADICTING_TRAILS = `
  WITH own AS (
    SELECT id, version, status, commission_amount FROM commissions
    WHERE program_id = $1 AND created_at >= $2 AND partner_id = $3),
  entries AS (
    SELECT commission_id AS id, array_agg(action ORDER BY action) AS actions, max(version) AS version,
      (array_agg(status_after ORDER BY version DESC))[1] AS status, (array_agg(amount_after ORDER BY version DESC))[1] AS amount,
      sum(amount_delta) AS total
    FROM commission_entries
    WHERE program_id = $1 AND partner_id = $3 AND at >= $2 GROUP BY 1),
  audited AS (
    SELECT own.id, array_agg(a.action ORDER BY a.action) AS actions
    FROM own JOIN audit_logs a ON a.entity_type = 'commission' AND a.entity_id = own.id::text GROUP BY 1),
  told AS (
    SELECT (subject ->> 'commissionId')::uuid AS id, array_agg(split_part(type, '.', 2) ORDER BY split_part(type, '.', 2)) AS actions
    FROM outbox_events
    WHERE program_id = $1 AND created_at >= $2 AND type LIKE 'commission.%' AND subject ->> 'partnerId' = $3::text GROUP BY 1)
  SELECT count(*)::int AS n FROM own LEFT JOIN entries USING (id) LEFT JOIN audited USING (id) LEFT JOIN told USING (id)
  WHERE (entries.actions = audited.actions AND entries.actions = told.actions AND own.version = entries.version
    AND own.status = entries.status AND own.commission_amount = entries.amount AND own.commission_amount = entries.total)
    IS NOT TRUE`;

/** Events that a partner's endpoint should have got and has not; none is told of itself. */
const UNDELIVERED = `
  SELECT count(*)::int AS n FROM outbox_events o
  JOIN webhook_endpoints w ON w.program_id = o.program_id AND w.partner_id = $3 AND w.created_at <= o.created_at
  LEFT JOIN webhook_deliveries d ON d.program_id = o.program_id AND d.event_id = o.id AND d.endpoint_id = w.id
  WHERE o.program_id = $1 AND o.created_at >= $2 AND o.type = ANY($4::text[]) AND o.subject ->> 'partnerId' = $3::text
    AND o.subject ->> 'endpointId' IS DISTINCT FROM w.id::text AND d.status IS DISTINCT FROM 'delivered'`;

const PARTNERS = `SELECT partner_id AS id FROM referral_codes WHERE program_id = $1 AND upper(code) LIKE 'L' || upper($2) || 'P%'`;

async function findOfPartners({ owner, runId, since }: Run): Promise<string[]> {
  let contradicting = 0;
  let undelivered = 0;
  // Partner by partner, so that no statement takes longer than a connection waits for it.
  for (const { id } of await owner.query<{ id: string }>(PARTNERS, [DEFAULT_PROGRAM, runId])) {
    contradicting += await one(owner, CONTRADICTING_TRAILS, [DEFAULT_PROGRAM, since, id]);
    undelivered += await one(owner, UNDELIVERED, [DEFAULT_PROGRAM, since, id, [...PARTNER_EVENT_TYPES]]);
  }
  return [
    ...(contradicting > 0
      ? [`${contradicting} commissions that their entries, audit rows and events tell differently`]
      : []),
    ...(undelivered > 0
      ? [`${undelivered} events were not delivered to every endpoint that wants them`]
      : []),
  ];
}

/** What says delivered has come to the receiver. */
async function findNeverReceived({ owner, since, received }: Run): Promise<string[]> {
  let absent = 0;
  const delivered = owner.stream<{ eventId: string }>(
    `SELECT event_id FROM webhook_deliveries WHERE program_id = $1 AND created_at >= $2 AND status = 'delivered'`,
    [DEFAULT_PROGRAM, since],
    10_000,
  );
  for await (const rows of delivered) absent += rows.filter(({ eventId }) => !received.has(eventId)).length;
  return absent === 0 ? [] : [`${absent} webhooks count as delivered and never came`];
}

async function findDrift({ owner, since }: Run): Promise<string[]> {
  const drift = await reconcileRollups(
    { db: owner, graceMs: 0 },
    { programId: DEFAULT_PROGRAM, from: since, to: new Date() },
  );
  return Object.entries(drift).map(
    ([rollup, keys]) => `${keys} keys of the rollup ${rollup} differ from SQL`,
  );
}

/** What has not come to rest: looked for again until it has. */
export async function findUnrest(owner: Database, since: Date): Promise<string[]> {
  const counts = await owner.query<{ what: string; n: number }>(
    `SELECT 'events that were never sent' AS what, count(*)::int AS n FROM outbox_events WHERE created_at >= $1 AND sent_at IS NULL
     UNION ALL SELECT 'webhooks that are still to be delivered', count(*)::int FROM webhook_deliveries
       WHERE created_at >= $1 AND status = 'pending'
     UNION ALL SELECT 'dead letters', count(*)::int FROM dead_letters WHERE created_at >= $1`,
    [since],
  );
  return counts.filter(({ n }) => n > 0).map(({ what, n }) => `${n} ${what}`);
}

/** Everything that contradicts what users were answered or what the platform's records say of each other; empty where all is well. */
export async function findFaults(run: Run): Promise<string[]> {
  return [
    ...(await findUnrest(run.owner, run.since)),
    ...(await findLossAndDoubles(run)),
    ...(await findOfPartners(run)),
    ...(await findNeverReceived(run)),
    ...(await findDrift(run)),
  ];
}
