import { z } from 'zod';
import type { Database } from '@tributary/schema';
import type { Cover, Scope, Span } from '@tributary/rollups';
import { amount, percentage } from './arithmetic.ts';
import { countCommissions } from './figures.ts';
import { readOpenCommissions } from './open-commissions.ts';
import type { OpenCommissions } from './open-commissions.ts';
import { readTotals } from './read-totals.ts';
import type { RangeTotals } from './read-totals.ts';
import { readTopPartner, readTopPolicy, readTopProduct } from './tops.ts';
import type { Top } from './tops.ts';

export const periodSchema = z.object({ from: z.iso.datetime(), to: z.iso.datetime() });

const topSchema = { id: z.uuid(), name: z.string() };

export const kpiSchema = z.object({
  period: periodSchema,
  totalClicks: z.int(),
  totalConversions: z.int(),
  totalCommissions: z.int(),
  totalRevenue: z.number(),
  totalCommissionPaid: z.number(),
  overallConversionRate: z.number(),
  overallCommissionRate: z.number(),
  topPartner: z.object({ ...topSchema, earnings: z.number() }).nullable(),
  topPolicy: z.object({ ...topSchema, commissions: z.int() }).nullable(),
  topProduct: z.object({ ...topSchema, conversions: z.int() }).nullable(),
  pendingCommissions: z.int(),
  pendingCommissionAmount: z.number(),
  commissionsReadyForPayment: z.int(),
  paymentsReadyAmount: z.number(),
  clawbacksToNet: z.number(),
  totalClawedBack: z.number(),
  totalBonuses: z.number(),
});

const FIGURES = [
  'revenue',
  'pending_count',
  'confirmed_count',
  'paid_count',
  'earnings_amount',
  'paid_amount',
  'clawed_back_amount',
  'bonus_amount',
] as const;

export type Kpi = z.output<typeof kpiSchema>;

/** The range's figures, its tops, and what is pending and ready for payment now. */
export async function readKpi(
  db: Pick<Database, 'query'>,
  scope: Scope,
  { range, cover }: { range: Span; cover: Cover },
): Promise<Kpi> {
  const [totals, open, ...tops] = await Promise.all([
    readTotals(db, scope, { cover, figures: FIGURES }),
    readOpenCommissions(db, scope),
    readTopPartner(db, scope, cover),
    readTopPolicy(db, scope, cover),
    readTopProduct(db, scope, cover),
  ]);
  return { period: periodOf(range), ...rangeOf(totals), ...topsOf(tops), ...open };
}

export function periodOf({ from, to }: Span): z.output<typeof periodSchema> {
  return { from: from.toISOString(), to: to.toISOString() };
}

function rangeOf(
  totals: RangeTotals<(typeof FIGURES)[number]>,
): Omit<Kpi, 'period' | keyof OpenCommissions | keyof ReturnType<typeof topsOf>> {
  const { clicks, countedConversions: conversions, revenue, earningsAmount } = totals;
  return {
    totalClicks: amount(clicks),
    totalConversions: amount(conversions),
    totalCommissions: amount(countCommissions(totals)),
    totalRevenue: amount(revenue),
    totalCommissionPaid: amount(totals.paidAmount),
    overallConversionRate: percentage(conversions, clicks),
    overallCommissionRate: percentage(earningsAmount, revenue),
    totalClawedBack: amount(totals.clawedBackAmount),
    totalBonuses: amount(totals.bonusAmount),
  };
}

function topsOf([partner, policy, product]: readonly (Top | undefined)[]) {
  return {
    topPartner: partner === undefined ? null : named(partner, { earnings: amount(partner.measure) }),
    topPolicy: policy === undefined ? null : named(policy, { commissions: amount(policy.measure) }),
    topProduct: product === undefined ? null : named(product, { conversions: amount(product.measure) }),
  };
}

function named<Measure extends object>({ id, name }: Top, measure: Measure) {
  return { id, name, ...measure };
}
