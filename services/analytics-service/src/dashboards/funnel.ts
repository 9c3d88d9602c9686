import { z } from 'zod';
import type { Database } from '@tributary/schema';
import type { Cover, Scope } from '@tributary/rollups';
import { amount, average, percentage } from './arithmetic.ts';
import { countCommissions } from './figures.ts';
import { readTotals } from './read-totals.ts';
import type { RangeTotals } from './read-totals.ts';

export const funnelSchema = z.object({
  totalClicks: z.int(),
  totalConversions: z.int(),
  totalCommissions: z.int(),
  clickToConversionRate: z.number(),
  conversionToCommissionRate: z.number(),
  clickToCommissionRate: z.number(),
  totalRevenue: z.number(),
  totalCommissionAmount: z.number(),
  avgOrderValue: z.number(),
  avgCommissionAmount: z.number(),
  effectiveCommissionRate: z.number(),
  statusBreakdown: z.object({
    pending: z.int(),
    confirmed: z.int(),
    paid: z.int(),
    cancelled: z.int(),
  }),
  totalClawedBack: z.number(),
  totalBonuses: z.number(),
});

const FIGURES = [
  'revenue',
  'pending_count',
  'confirmed_count',
  'paid_count',
  'cancelled_count',
  'earnings_amount',
  'clawed_back_amount',
  'bonus_amount',
] as const;

export type Funnel = z.output<typeof funnelSchema>;

export async function readFunnel(db: Pick<Database, 'query'>, scope: Scope, cover: Cover): Promise<Funnel> {
  return funnelOf(await readTotals(db, scope, { cover, figures: FIGURES }));
}

function funnelOf(totals: RangeTotals<(typeof FIGURES)[number]>): Funnel {
  const { clicks, countedConversions: conversions, revenue, earningsAmount } = totals;
  const commissions = countCommissions(totals);
  return {
    totalClicks: amount(clicks),
    totalConversions: amount(conversions),
    totalCommissions: amount(commissions),
    clickToConversionRate: percentage(conversions, clicks),
    conversionToCommissionRate: percentage(commissions, conversions),
    clickToCommissionRate: percentage(commissions, clicks),
    totalRevenue: amount(revenue),
    totalCommissionAmount: amount(earningsAmount),
    avgOrderValue: average(revenue, conversions),
    avgCommissionAmount: average(earningsAmount, commissions),
    effectiveCommissionRate: percentage(earningsAmount, revenue),
    statusBreakdown: {
      pending: amount(totals.pendingCount),
      confirmed: amount(totals.confirmedCount),
      paid: amount(totals.paidCount),
      cancelled: amount(totals.cancelledCount),
    },
    totalClawedBack: amount(totals.clawedBackAmount),
    totalBonuses: amount(totals.bonusAmount),
  };
}
