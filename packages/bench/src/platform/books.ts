import { setTimeout as pause } from 'node:timers/promises';

import type { Database } from '@tributary/schema';
import { z } from 'zod';

import type { DrillPlatform } from './platform.ts';
import type { Traffic } from './traffic.ts';

const HEALED_WITHIN_MS = 60_000;
/** To ten partners, each at the rate of an endpoint that asks for no other. */
const WEBHOOKS_PER_SECOND = 1_000;
const LOOK_EVERY_MS = 100;

// Each commission is told four times: by its entries, its audit rows, its events and its own version.
const CONTRADICTIONS = `
  WITH entries AS (
    SELECT commission_id AS id, array_agg(action ORDER BY action) AS actions FROM commission_entries GROUP BY 1
  ), audited AS (
    SELECT entity_id::uuid AS id, array_agg(action ORDER BY action) AS actions FROM audit_logs
    WHERE entity_type = 'commission' GROUP BY 1
  ), told AS (
    SELECT (subject->>'commissionId')::uuid AS id, array_agg(split_part(type, '.', 2) ORDER BY type) AS actions
    FROM outbox_events WHERE type LIKE 'commission.%' GROUP BY 1
  )
  SELECT count(*)::int AS n FROM commissions c
  LEFT JOIN entries e USING (id) LEFT JOIN audited a USING (id) LEFT JOIN told o USING (id)
  WHERE (a.actions = e.actions AND o.actions = e.actions AND c.version = cardinality(e.actions)) IS NOT TRUE`;

const VISITS_TWICE = `
  SELECT count(*)::int AS n FROM (
    SELECT FROM referral_clicks WHERE status = 'valid' GROUP BY visitor_hash HAVING count(*) > 1) AS twice`;

// What the dashboard answers, beside the rows it stands for.
const EARNED = `
  SELECT (SELECT count(*)::int FROM referral_clicks WHERE status = 'valid') AS clicks,
    (SELECT count(*)::int FROM conversion_events) AS conversions,
    (SELECT coalesce(sum(commission_amount), 0)::float8 FROM commissions) AS amount`;

const funnelSchema = z.object({
  data: z.object({
    totalClicks: z.number(),
    totalConversions: z.number(),
    totalCommissionAmount: z.number(),
  }),
});

async function numberOf(owner: Database, sql: string, params: readonly string[][] = []): Promise<number> {
  const [row] = await owner.query<{ n: number }>(sql, params);
  return row?.n ?? Number.NaN;
}

/** Commissions that their entries, audit rows and events tell differently. */
export const contradictions = ({ owner }: DrillPlatform): Promise<number> => numberOf(owner, CONTRADICTIONS);

/** Whether what clients were told is there, once: safety, which holds at any moment. Answers what is wrong. */
async function safetyFaults(platform: DrillPlatform, traffic: Traffic): Promise<string[]> {
  const { owner } = platform;
  const { clicks, orders, adjustments } = traffic.accepted;
  const stored = await numberOf(
    owner,
    'SELECT count(DISTINCT id)::int AS n FROM referral_clicks WHERE id = ANY($1::uuid[])',
    [[...clicks]],
  );
  const commissions = await owner.query<{ orderId: string; id: string; amount: number }>(
    'SELECT order_id, id, commission_amount::float8 AS amount FROM commissions',
  );
  const byOrder = Map.groupBy(commissions, ({ orderId }) => orderId);
  const wrongOrders = [...orders].filter(([orderId, id]) => {
    const made = byOrder.get(orderId) ?? [];
    return made.length !== 1 || made[0]?.id !== id;
  });
  const amounts = new Map(commissions.map(({ id, amount }) => [id, amount]));
  const lostAdjustments = [...adjustments].filter(([id, amount]) => amounts.get(id) !== amount);
  const conversions = await numberOf(owner, 'SELECT count(*)::int AS n FROM conversion_events');
  const faults = {
    [`${traffic.failures.length} requests never came to an end (${traffic.failures[0] ?? ''})`]:
      traffic.failures.length > 0,
    [`${clicks.size - stored} of ${clicks.size} clicks are lost`]: stored !== clicks.size,
    [`${wrongOrders.length} of ${orders.size} orders have no or another commission`]: wrongOrders.length > 0,
    [`${commissions.length} commissions and ${conversions} conversions of ${orders.size} orders`]:
      commissions.length !== orders.size || conversions !== orders.size,
    [`${lostAdjustments.length} of ${adjustments.size} adjustments are lost`]: lostAdjustments.length > 0,
    'a visit counts twice': (await numberOf(owner, VISITS_TWICE)) > 0,
    'entries, audit rows and events of a commission differ': (await contradictions(platform)) > 0,
  };
  return Object.entries(faults)
    .filter(([, isSo]) => isSo)
    .map(([fault]) => fault);
}

/**
 * Liveness: waits until all events are sent, delivered and counted. Answers what was not so in time.
 * @param options.arrivedMayBeMore webhooks may have told of what a restored database does not know any more
 * @param options.backlog webhooks that waited when it began: their endpoints' rates say how long they may take
 */
export async function healingFaults(
  platform: DrillPlatform,
  options: { readonly arrivedMayBeMore?: boolean; readonly backlog?: number } = {},
): Promise<{ faults: string[]; tookMs: number }> {
  const { owner } = platform;
  const began = performance.now();
  const arrived = new Set<string>();
  const checks: Record<string, () => Promise<boolean>> = {
    'events are not sent': async () =>
      (await numberOf(owner, 'SELECT count(*)::int AS n FROM outbox_events WHERE sent_at IS NULL')) === 0,
    'webhooks did not arrive, or speak of nothing that happened': async () => {
      for (const id of (await platform.receiver.arrivals()).keys()) arrived.add(id);
      const told = await owner.query<{ id: string }>(
        `SELECT id FROM outbox_events WHERE type LIKE 'commission.%' OR type LIKE 'conversion.%'`,
      );
      const isAll = told.every(({ id }) => arrived.has(id));
      return isAll && (options.arrivedMayBeMore === true || told.length === arrived.size);
    },
    'the dashboard differs from the books': async () => {
      const [shown, [row]] = await Promise.all([
        funnelOf(platform),
        owner.query<{ clicks: number; conversions: number; amount: number }>(EARNED),
      ]);
      return (
        shown?.totalClicks === row?.clicks &&
        shown?.totalConversions === row?.conversions &&
        shown?.totalCommissionAmount === row?.amount
      );
    },
  };
  const faults: string[] = [];
  for (const [fault, holds] of Object.entries(checks)) {
    const deadline = began + HEALED_WITHIN_MS + ((options.backlog ?? 0) / WEBHOOKS_PER_SECOND) * 1_000;
    while (!(await holds()) && performance.now() < deadline) await pause(LOOK_EVERY_MS);
    if (!(await holds())) faults.push(fault);
  }
  const tookMs = performance.now() - began;
  const dead = await numberOf(owner, 'SELECT count(*)::int AS n FROM dead_letters');
  if (dead > 0) faults.push(`${dead} dead letters`);
  for (const service of platform.services) {
    const [fatal] = await service.fatalities();
    if (fatal !== undefined) faults.push(`${service.name} ended by itself: ${fatal.slice(0, 400)}`);
  }
  return { faults, tookMs };
}

async function funnelOf({
  ensembles,
  apiKey,
}: DrillPlatform): Promise<z.output<typeof funnelSchema>['data'] | undefined> {
  const range = new URLSearchParams({
    dateFrom: new Date(Date.now() - 86_400_000).toISOString(),
    dateTo: new Date(Date.now() + 86_400_000).toISOString(),
  });
  const answer = await fetch(`${ensembles[0].gateway.url}/api/v1/dashboard/funnel?${range.toString()}`, {
    headers: { authorization: `Bearer ${apiKey}` },
  }).catch(() => undefined);
  return answer?.ok === true ? funnelSchema.parse(await answer.json()).data : undefined;
}

/** Prints both and answers whether all is well; safety first, since what heals is worth nothing when something is lost. */
export async function judgeBooks(
  platform: DrillPlatform,
  traffic: Traffic,
  options: { readonly backlog?: number } = {},
): Promise<boolean> {
  const { log } = platform.context;
  const { clicks, orders, adjustments } = traffic.accepted;
  log(`accepted: ${clicks.size} clicks, ${orders.size} orders, ${adjustments.size} adjustments`);
  const unsafe = await safetyFaults(platform, traffic);
  log(`safety: ${unsafe.length === 0 ? 'nothing lost, nothing twice' : unsafe.join('; ')}`);
  const { faults, tookMs } = await healingFaults(platform, options);
  const { repeated } = await platform.receiver.count();
  log(
    faults.length === 0
      ? `healed ${(tookMs / 1_000).toFixed(1)} s after the last request: sent, delivered (${repeated} webhooks came again, with the same id), counted`
      : `not healed: ${faults.join('; ')}`,
  );
  return unsafe.length === 0 && faults.length === 0;
}
