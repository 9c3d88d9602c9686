import { recompute } from '@tributary/rollups';

import { dateOf, stored, type Programme } from './programme.ts';
import type { Currency, ModelCommission, ModelLine } from './state.ts';

interface Event {
  readonly id: string;
  readonly type: string;
  readonly conversionId: string | null;
  readonly data: {
    readonly createdAt: string;
    readonly paidAt: string | null;
    readonly convertedAt: string;
    readonly partnerId: string;
    readonly policyId: string | null;
    readonly productId: string;
    readonly originalCommissionId: string | null;
  };
}

const EVENTS = `
  SELECT id, type, subject ->> 'conversionId' AS conversion_id, data FROM outbox_events WHERE program_id = $1 AND sent_at IS NULL AND created_at >= $2 ORDER BY id DESC`;

/**
 * Brings the rollups up to date by what the events alone tell, as the projector does: a figure that no event names stays
 * wrong and is found.
 */
export async function followEvents(programme: Programme): Promise<void> {
  const { db, programId, since, seenEvents, dirty } = programme;
  const fresh = (await db.query<Event>(EVENTS, [programId, since])).filter(({ id }) => !seenEvents.has(id));
  for (const { id, type, conversionId, data } of fresh) {
    seenEvents.add(id);
    if (type === 'conversion.refunded') await markClawedBack(programme, conversionId);
    if (type === 'conversion.recorded') {
      dirty.add('partner_conversions', data.convertedAt, data.partnerId);
      dirty.add('products', data.convertedAt, data.productId);
    }
    if (!type.startsWith('commission.')) continue;
    dirty.add('partner_commissions', data.createdAt, data.partnerId);
    if (data.paidAt !== null) dirty.add('partner_commissions', data.paidAt, data.partnerId);
    if (data.policyId !== null) dirty.add('policies', data.createdAt, data.policyId);
    if (type === 'commission.clawed_back') markOriginal(programme, data.originalCommissionId);
  }
  await recompute(db, programId, dirty);
}

const CLAWED_BACK = `
  SELECT created_at, partner_id, policy_id FROM commissions
  WHERE program_id = $1 AND conversion_id = $2 AND kind = 'earning' AND clawed_back_amount > 0`;

/** What was clawed back by hand counts as refunded once the order is. */
async function markClawedBack(
  { db, programId, dirty }: Programme,
  conversionId: string | null,
): Promise<void> {
  const rows = await db.query<{ createdAt: Date; partnerId: string; policyId: string | null }>(CLAWED_BACK, [
    programId,
    conversionId,
  ]);
  for (const { createdAt, partnerId, policyId } of rows) {
    dirty.add('partner_commissions', createdAt.toISOString(), partnerId);
    if (policyId !== null) dirty.add('policies', createdAt.toISOString(), policyId);
  }
}

/** The projector looks it up in the table; here the model knows. */
function markOriginal({ state, dirty, partners, policyId }: Programme, id: string | null): void {
  const original = state.commissions.find((commission) => commission.id === id);
  if (original === undefined) throw new Error(`a claw-back of ${id}, which the model does not know`);
  const at = dateOf(original.createdDay);
  dirty.add('partner_commissions', at, partners[original.partner] ?? '');
  if (original.line !== null) dirty.add('policies', at, policyId);
}

const EARNING_FIGURES = [
  'pending_count',
  'confirmed_count',
  'paid_count',
  'cancelled_count',
  'refund_count',
  'earnings_amount',
  'earnings_order_amount',
];
const PARTNER_FIGURES = [
  ...EARNING_FIGURES,
  'conversions',
  'primary_conversions',
  'revenue',
  'pending_amount',
  'confirmed_amount',
  'clawed_back_amount',
  'bonus_amount',
  'clawback_open_amount',
  'paid_amount',
];

/** Tables of rollups as `{key: {figure: value}}` with what is zero left out: rows of zeros say nothing. */
const table = (name: string, key: string, figures: readonly string[]): string => `
  (SELECT coalesce(json_object_agg(${key} || ' ' || currency, f.figures), '{}') FROM rollup_${name} r CROSS JOIN LATERAL (
    SELECT json_object_agg(k, v) AS figures FROM (VALUES ${figures.map((figure) => `('${figure}', r.${figure}::text)`).join(', ')}) x(k, v)
    WHERE v::numeric <> 0) f WHERE program_id = $1 AND f.figures IS NOT NULL)`;

const seconds = (column: string): string => `extract(epoch FROM ${column})::int`;

const ROLLUPS = `
  SELECT ${table('partner_hours', `${seconds('hour')} || ' ' || partner_id`, PARTNER_FIGURES)} AS partner_hours,
    ${table('partner_days', `${seconds('day')} || ' ' || partner_id`, PARTNER_FIGURES)} AS partner_days,
    ${table('program_hours', seconds('hour'), PARTNER_FIGURES)} AS program_hours,
    ${table('policy_hours', `${seconds('hour')} || ' ' || policy_id`, EARNING_FIGURES)} AS policy_hours,
    ${table('product_hours', `${seconds('hour')} || ' ' || product_id`, ['conversions'])} AS product_hours`;

export async function readRollups({ db, programId }: Programme): Promise<object> {
  const [rollups] = await db.query<Record<string, unknown>>(ROLLUPS, [programId]);
  return rollups ?? {};
}

/** Sums by key and figure; money in the currency's units, counts in ones. */
class Sums {
  readonly #rows = new Map<string, { currency: Currency; figures: Map<string, bigint> }>();

  add(day: number, of: string, currency: Currency, figures: Readonly<Record<string, bigint>>): void {
    const key = [dateOf(day).getTime() / 1_000, ...(of === '' ? [] : [of]), currency].join(' ');
    const row = this.#rows.get(key) ?? { currency, figures: new Map<string, bigint>() };
    for (const [name, value] of Object.entries(figures)) {
      row.figures.set(name, (row.figures.get(name) ?? 0n) + value);
    }
    this.#rows.set(key, row);
  }

  /** Without zeros, as text. */
  get table(): Record<string, Record<string, string>> {
    const rows = [...this.#rows].map(([key, { currency, figures }]) => {
      const shown = [...figures].filter(([, value]) => value !== 0n);
      const isMoney = (name: string): boolean => name.endsWith('amount') || name === 'revenue';
      const texts = shown.map(
        ([name, value]) => [name, isMoney(name) ? stored(value, currency) : `${value}`] as const,
      );
      return [key, Object.fromEntries(texts)] as const;
    });
    return Object.fromEntries(rows.filter(([, figures]) => Object.keys(figures).length > 0));
  }
}

/** What the rollups must hold, by the definitions of the dashboards. */
export function expectedRollups({ state, partners, products, policyId }: Programme): object {
  const [byPartner, ofProgram, byPolicy, byProduct] = [new Sums(), new Sums(), new Sums(), new Sums()];
  for (const line of state.lines) {
    for (const { partner, figures, isPrimary } of conversionFigures(line)) {
      byPartner.add(line.day, partners[partner] ?? '', line.currency, figures);
      ofProgram.add(line.day, '', line.currency, figures);
      if (isPrimary)
        byProduct.add(line.day, products[line.product] ?? '', line.currency, { conversions: 1n });
    }
  }
  for (const commission of state.commissions) {
    const { partner, currency, createdDay, paidDay, amount, kind } = commission;
    const figures = commissionFigures(commission);
    byPartner.add(createdDay, partners[partner] ?? '', currency, { ...figures.earning, ...figures.other });
    ofProgram.add(createdDay, '', currency, { ...figures.earning, ...figures.other });
    if (kind === 'earning') byPolicy.add(createdDay, policyId, currency, figures.earning);
    if (paidDay === null || kind !== 'earning') continue;
    byPartner.add(paidDay, partners[partner] ?? '', currency, { paid_amount: amount });
    ofProgram.add(paidDay, '', currency, { paid_amount: amount });
  }
  const partnerRows = byPartner.table;
  return {
    // Every hour of the model is a day's first, so that hours and days say the same.
    partnerHours: partnerRows,
    partnerDays: partnerRows,
    programHours: ofProgram.table,
    policyHours: byPolicy.table,
    productHours: byProduct.table,
  };
}

/** The first part of a line is its primary one: the heaviest, of equal ones the latest. */
const conversionFigures = ({ parts }: ModelLine) =>
  parts.map(({ partner, attributed }, index) => ({
    partner,
    isPrimary: index === 0,
    figures: { conversions: 1n, primary_conversions: index === 0 ? 1n : 0n, revenue: attributed },
  }));

function commissionFigures(commission: ModelCommission) {
  const { kind, status, amount, line, partner } = commission;
  const when = (holds: boolean, value = 1n): bigint => (holds ? value : 0n);
  const isEarning = kind === 'earning';
  const counts = isEarning && status !== 'cancelled';
  const part = line?.parts.find((one) => one.partner === partner);
  const wasRefunded =
    commission.bornRefunded ||
    commission.history.some(({ action }) => action === 'refunded') ||
    (commission.clawedBack > 0n && (part?.refunded ?? 0n) > 0n);
  return {
    earning: {
      pending_count: when(isEarning && status === 'pending'),
      confirmed_count: when(isEarning && status === 'confirmed'),
      paid_count: when(isEarning && status === 'paid'),
      cancelled_count: when(isEarning && status === 'cancelled'),
      refund_count: when(isEarning && wasRefunded),
      earnings_amount: when(counts, amount),
      earnings_order_amount: when(counts, part?.attributed),
    },
    other: {
      pending_amount: when(isEarning && status === 'pending', amount),
      confirmed_amount: when(isEarning && status === 'confirmed', amount),
      clawed_back_amount: when(kind === 'clawback', -amount),
      bonus_amount: when(kind === 'bonus' && status !== 'cancelled', amount),
      clawback_open_amount: when(kind === 'clawback' && status === 'confirmed', -amount),
    },
  };
}
