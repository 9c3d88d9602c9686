import { exampleEvent } from '@tributary/event-catalog';
import type { StoredEvent } from '@tributary/event-catalog';
import { newId } from '@tributary/runtime';
import type { Database } from '@tributary/schema';

export interface CommissionRow {
  id: string;
  kind: 'earning' | 'clawback' | 'bonus';
  partnerId: string;
  policyId: string | null;
  currency: string;
  createdAt: Date;
  paidAt: Date | null;
  originalCommissionId: string | null;
}

/** What the commands would have said about these rows; of a commission its creation and, if so, its payment. */
export async function eventsOfRows(db: Database): Promise<StoredEvent[]> {
  const commissions = await db.query<CommissionRow>('SELECT * FROM commissions');
  const conversions = await db.query<ConversionRow>(
    'SELECT id, partner_id, product_id, converted_at FROM conversion_events',
  );
  return [
    ...commissions.flatMap((row) => {
      const created = commissionEvent('commission.created', row);
      return row.paidAt === null ? [created] : [created, commissionEvent('commission.paid', row)];
    }),
    ...conversions.map((row) => conversionEvent('conversion.recorded', row)),
  ];
}

export interface ConversionRow {
  id: string;
  partnerId: string;
  productId: string;
  convertedAt: Date;
}

export function conversionEvent(
  type: 'conversion.recorded' | 'conversion.refunded',
  { id, partnerId, productId, convertedAt }: ConversionRow,
): StoredEvent {
  const event = exampleEvent(type);
  const ids = { conversionId: id, partnerId, productId };
  return { ...event, ...stamp(), data: { ...event.data, ...ids, convertedAt: convertedAt.toISOString() } };
}

export function commissionEvent(
  type:
    | 'commission.created'
    | 'commission.confirmed'
    | 'commission.adjusted'
    | 'commission.refunded'
    | 'commission.paid'
    | 'commission.cancelled'
    | 'commission.clawed_back',
  row: CommissionRow,
): StoredEvent {
  const event = exampleEvent(type);
  const {
    id: commissionId,
    createdAt,
    paidAt,
    kind,
    partnerId,
    policyId,
    currency,
    originalCommissionId,
  } = row;
  const data = { ...event.data, commissionId, kind, partnerId, policyId, currency, originalCommissionId };
  const moments = { createdAt: createdAt.toISOString(), paidAt: paidAt?.toISOString() ?? null };
  return { ...event, ...stamp(), data: { ...data, ...moments } };
}

function stamp(): { id: string; createdAt: Date; occurredAt: string } {
  const createdAt = new Date();
  return { id: newId(), createdAt, occurredAt: createdAt.toISOString() };
}

/** Each event `times` times, in an order that depends on the ids only. */
export function shuffled(events: readonly StoredEvent[], times: number): StoredEvent[] {
  return Array.from({ length: times }, () => events)
    .flat()
    .map((event, index) => ({ event, place: `${event.id.slice(-4)}${index % 7}` }))
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ event }, index) => ({ ...event, id: index < events.length ? event.id : newId() }));
}

/** What is computed from the base tables when events say so. */
export const RECOMPUTED_ROLLUPS = [
  'partner_hours',
  'partner_days',
  'program_hours',
  'policy_hours',
  'policy_days',
  'product_hours',
  'product_days',
] as const;

/** What is counted as clicks are stored. */
export const COUNTED_ROLLUPS = [
  'click_hours',
  'click_days',
  'program_click_hours',
  'click_stat_days',
] as const;

/** Everything that rollups say; rows of zeros say nothing. */
export async function readRollups(db: Database, rollups: readonly string[]): Promise<unknown> {
  const lists = await Promise.all(
    rollups.map((rollup) =>
      db.query(
        `SELECT * FROM rollup_${rollup} r
         WHERE to_jsonb(r)::text ~ '_?(clicks|count|conversions|amount|revenue)": "?-?0?[.0]*[1-9]' ORDER BY r::text`,
      ),
    ),
  );
  return Object.fromEntries(rollups.map((rollup, index) => [rollup, Array.from(lists[index] ?? [])]));
}
