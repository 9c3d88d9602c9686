import { z } from 'zod';
import type { Scope, Span } from '@tributary/rollups';

/** Lists whose rows together add up to a figure. A quotient has those of both its sides. */
const linksSchema = z.array(z.string());

/**
 * Links by the names of figures as in `data` (`statusBreakdown.paid`). Of rows, `{partnerId}` and `{policyId}` are to be filled in from
 * the row; of the tops `{id}`; of points `{from}` and `{to}`: the point's start and the next one's, no further than the period.
 */
export const drilldownSchema = z.record(z.string(), linksSchema);

export type Drilldown = z.output<typeof drilldownSchema>;

type LinkScope = Pick<Scope, 'currency' | 'partnerId'>;

type Conditions = Readonly<Record<string, string | undefined>>;

/** What the rows or points of a dashboard are of: the placeholders by which links name it. */
interface RowOf {
  readonly partner?: '{partnerId}' | '{id}';
  readonly policy?: '{policyId}' | '{id}';
  readonly product?: '{id}';
  /** `{from}` and `{to}` for the period: a point's start and the next one's, no further than the period. */
  readonly bucket?: true;
}

/** The earliest moment that a list can be asked for: figures of now are of all time. */
const EVER = '1970-01-01T00:00:00.000Z';

/** Links to the rows behind figures, for whoever asks: partners have lists of their own. */
interface Lists {
  clicks(): string;
  /** Those that count: primary ones of the programme, all of a partner's. */
  countedConversions(): string;
  primaryConversions(): string;
  conversions(): string;
  commissions(conditions: Conditions): string;
  /** Earnings that are not cancelled. */
  earnings(): string[];
  refunded(): string;
  paid(): string;
  /** What has that status now, whenever it was created. */
  open(conditions: Conditions): string;
}

const commissionsOf = (partnerId: string | undefined): string =>
  partnerId === undefined ? '/operations/commissions' : '/tracking/commissions';

function listsFor({ currency, partnerId }: LinkScope, range: Span, row: RowOf = {}): Lists {
  const ofPartner = { partnerId: row.partner };
  const ofPolicy = { policyId: row.policy };
  const period = row.bucket
    ? { dateFrom: '{from}', dateTo: '{to}' }
    : { dateFrom: range.from.toISOString(), dateTo: range.to.toISOString() };
  const conversions = (conditions: Conditions): string =>
    link('/tracking/conversions', {
      ...conditions,
      ...ofPartner,
      productId: row.product,
      currency,
      ...period,
    });
  const commissions = (conditions: Conditions): string =>
    link(commissionsOf(partnerId), { ...ofPartner, ...ofPolicy, currency, ...period, ...conditions });
  const ofOnePartner = partnerId !== undefined || row.partner !== undefined;
  return {
    clicks: () => link('/tracking/clicks', { status: 'valid', ...ofPartner, ...period }),
    countedConversions: () => conversions({ isPrimary: ofOnePartner ? undefined : 'true' }),
    primaryConversions: () => conversions({ isPrimary: 'true' }),
    conversions: () => conversions({}),
    commissions,
    earnings: () =>
      ['pending', 'confirmed', 'paid'].map((status) => commissions({ kind: 'earning', status })),
    refunded: () => commissions({ kind: 'earning', refunded: 'true' }),
    paid: () => commissions({ kind: 'earning', status: 'paid', dateField: 'paid' }),
    open: (conditions) => commissions({ ...conditions, dateFrom: EVER, dateTo: undefined }),
  };
}

/** Placeholders stay readable: who fills them in replaces text. */
function link(path: string, conditions: Conditions): string {
  const query = Object.entries(conditions)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => `${name}=${value.startsWith('{') ? value : encodeURIComponent(value)}`);
  return `/api/v1${path}?${query.join('&')}`;
}

export function funnelDrilldown(scope: LinkScope, range: Span): Drilldown {
  const lists = listsFor(scope, range);
  const clicks = [lists.clicks()];
  const conversions = [lists.countedConversions()];
  const revenue = [lists.conversions()];
  const earnings = lists.earnings();
  const byStatus = (status: string): string[] => [lists.commissions({ kind: 'earning', status })];
  return {
    totalClicks: clicks,
    totalConversions: conversions,
    totalCommissions: earnings,
    clickToConversionRate: [...conversions, ...clicks],
    conversionToCommissionRate: [...earnings, ...conversions],
    clickToCommissionRate: [...earnings, ...clicks],
    totalRevenue: revenue,
    totalCommissionAmount: earnings,
    avgOrderValue: [...revenue, ...conversions],
    avgCommissionAmount: earnings,
    effectiveCommissionRate: [...earnings, ...revenue],
    'statusBreakdown.pending': byStatus('pending'),
    'statusBreakdown.confirmed': byStatus('confirmed'),
    'statusBreakdown.paid': byStatus('paid'),
    'statusBreakdown.cancelled': byStatus('cancelled'),
    ...besideEarnings(lists),
  };
}

function besideEarnings(lists: Lists): Drilldown {
  const bonuses = ['pending', 'confirmed', 'paid'];
  return {
    totalClawedBack: [lists.commissions({ kind: 'clawback' })],
    totalBonuses: bonuses.map((status) => lists.commissions({ kind: 'bonus', status })),
  };
}

export function kpiDrilldown(scope: LinkScope, range: Span): Drilldown {
  const lists = listsFor(scope, range);
  const clicks = [lists.clicks()];
  const conversions = [lists.countedConversions()];
  const revenue = [lists.conversions()];
  const earnings = lists.earnings();
  const pending = [lists.open({ kind: 'earning', status: 'pending' })];
  const ready = [lists.open({ kind: 'earning', status: 'confirmed' })];
  return {
    totalClicks: clicks,
    totalConversions: conversions,
    totalCommissions: earnings,
    totalRevenue: revenue,
    totalCommissionPaid: [lists.paid()],
    overallConversionRate: [...conversions, ...clicks],
    overallCommissionRate: [...earnings, ...revenue],
    'topPartner.earnings': listsFor(scope, range, { partner: '{id}' }).earnings(),
    'topPolicy.commissions': listsFor(scope, range, { policy: '{id}' }).earnings(),
    'topProduct.conversions': [listsFor(scope, range, { product: '{id}' }).primaryConversions()],
    pendingCommissions: pending,
    pendingCommissionAmount: pending,
    commissionsReadyForPayment: ready,
    paymentsReadyAmount: ready,
    clawbacksToNet: [lists.open({ kind: 'clawback', status: 'confirmed' })],
    ...besideEarnings(lists),
  };
}

/** Everything an overview shows, by where it stands. */
export function overviewDrilldown(scope: LinkScope, range: Span): Drilldown {
  const parts = {
    kpi: kpiDrilldown(scope, range),
    funnel: funnelDrilldown(scope, range),
    trends: trendsDrilldown(scope, range),
  };
  return {
    ...Object.fromEntries(
      Object.entries(parts).flatMap(([part, links]) =>
        Object.entries(links).map(([name, lists]) => [`${part}.${name}`, lists]),
      ),
    ),
    ...attentionDrilldown(scope),
  };
}

/** By kind: of all time and every currency, as they are counted. */
function attentionDrilldown({ partnerId }: LinkScope): Drilldown {
  const endpoints = link('/webhooks/endpoints', { status: 'auto_disabled' });
  const commissions = (attention: string): string[] => [
    link(commissionsOf(partnerId), { attention, dateFrom: EVER }),
  ];
  const letters = link('/operations/dead-letters', { replayed: 'false' });
  return {
    'attention.commissions_past_hold': commissions('commissions_past_hold'),
    'attention.payments_on_hold': commissions('payments_on_hold'),
    'attention.webhook_endpoints_auto_disabled': [endpoints],
    ...(partnerId === undefined ? { 'attention.dead_letters': [letters] } : {}),
  };
}

export function policyDrilldown(scope: LinkScope, range: Span): Drilldown {
  const lists = listsFor(scope, range, { policy: '{policyId}' });
  const earnings = lists.earnings();
  return {
    totalCommissions: earnings,
    totalAmount: earnings,
    avgCommission: earnings,
    refundCount: [lists.refunded()],
    refundRate: [lists.refunded(), ...earnings],
    confirmationRate: earnings,
    totalRevenue: earnings,
    roi: earnings,
  };
}

export function partnerDrilldown(scope: LinkScope, range: Span): Drilldown {
  const lists = listsFor(scope, range, { partner: '{partnerId}' });
  const clicks = [lists.clicks()];
  const conversions = [lists.conversions()];
  const earnings = lists.earnings();
  return {
    totalClicks: clicks,
    totalConversions: conversions,
    totalCommissions: earnings,
    conversionRate: [...conversions, ...clicks],
    commissionRate: [...earnings, ...conversions],
    totalEarnings: earnings,
    avgCommissionAmount: earnings,
    totalRevenue: conversions,
    refundCount: [lists.refunded()],
    refundRate: [lists.refunded(), ...earnings],
  };
}

export function trendsDrilldown(scope: LinkScope, range: Span): Drilldown {
  const lists = listsFor(scope, range, { bucket: true });
  const earnings = lists.earnings();
  return {
    clicks: [lists.clicks()],
    conversions: [lists.countedConversions()],
    commissions: earnings,
    revenue: [lists.conversions()],
    commissionAmount: earnings,
  };
}
