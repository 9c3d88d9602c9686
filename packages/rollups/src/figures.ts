/**
 * An earning `c` with a refund. A paid commission never changes: of one whose line was refunded by the shop afterwards, the
 * claw-back and the conversion tell.
 */
const HAS_REFUND = `(c.refunded_at IS NOT NULL OR c.clawed_back_amount > 0 AND EXISTS (SELECT FROM conversion_events v
    WHERE v.program_id = c.program_id AND v.id = c.conversion_id AND v.refunded_amount > 0))`;

/**
 * What one row of a base table adds to each figure, as SQL. The alias of the table is `c` for commissions and `e` for
 * conversion_events. A figure of many rows is the sum; its definition is in the domain's words.
 */
export const EARNING_FIGURES = {
  pending_count: `(c.kind = 'earning' AND c.status = 'pending')::int`,
  confirmed_count: `(c.kind = 'earning' AND c.status = 'confirmed')::int`,
  paid_count: `(c.kind = 'earning' AND c.status = 'paid')::int`,
  cancelled_count: `(c.kind = 'earning' AND c.status = 'cancelled')::int`,
  refund_count: `(c.kind = 'earning' AND ${HAS_REFUND})::int`,
  earnings_amount: `CASE WHEN c.kind = 'earning' AND c.status <> 'cancelled' THEN c.commission_amount ELSE 0 END`,
  earnings_order_amount: `CASE WHEN c.kind = 'earning' AND c.status <> 'cancelled' THEN c.order_amount ELSE 0 END`,
} as const;

/** Of commissions by created_at. */
export const COMMISSION_FIGURES = {
  ...EARNING_FIGURES,
  pending_amount: `CASE WHEN c.kind = 'earning' AND c.status = 'pending' THEN c.commission_amount ELSE 0 END`,
  confirmed_amount: `CASE WHEN c.kind = 'earning' AND c.status = 'confirmed' THEN c.commission_amount ELSE 0 END`,
  clawed_back_amount: `CASE WHEN c.kind = 'clawback' THEN -c.commission_amount ELSE 0 END`,
  bonus_amount: `CASE WHEN c.kind = 'bonus' AND c.status <> 'cancelled' THEN c.commission_amount ELSE 0 END`,
  clawback_open_amount: `CASE WHEN c.kind = 'clawback' AND c.status = 'confirmed' THEN -c.commission_amount ELSE 0 END`,
} as const;

/** Of commissions by paid_at. */
export const PAID_FIGURES = {
  paid_amount: `CASE WHEN c.kind = 'earning' AND c.status = 'paid' THEN c.commission_amount ELSE 0 END`,
} as const;

/** Of conversions by converted_at. */
export const CONVERSION_FIGURES = {
  conversions: '1',
  primary_conversions: 'e.is_primary::int',
  revenue: 'e.attributed_amount',
} as const;

/** Every figure of a partner or of the programme. */
export const PARTNER_FIGURES = { ...CONVERSION_FIGURES, ...COMMISSION_FIGURES, ...PAID_FIGURES } as const;

export type PartnerFigure = keyof typeof PARTNER_FIGURES;
export type EarningFigure = keyof typeof EARNING_FIGURES;

/** The names of a group of figures, typed. */
export function figureNames<Figure extends string>(figures: Readonly<Record<Figure, string>>): Figure[] {
  return Object.keys(figures) as Figure[];
}

/** `sum(expression) AS name` of each. */
export function sums(figures: Readonly<Record<string, string>>): string {
  return Object.entries(figures)
    .map(([name, expression]) => `sum(${expression}) AS ${name}`)
    .join(', ');
}

/**
 * Raised by whoever changes what a figure means, or what the rollups are made of: the rollups of before are then rebuilt once the
 * new release runs. 1: a refund after payment is a refund; 2: statistics of clicks.
 */
export const FIGURES_DEFINITION = 2;
