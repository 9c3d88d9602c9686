import {
  COMMISSION_FIGURES,
  CONVERSION_FIGURES,
  EARNING_FIGURES,
  figureNames,
  PAID_FIGURES,
  sums,
} from './figures.ts';
import type { Rollup } from './rollup-keys.ts';

/**
 * What a rollup should hold and what it holds, of programme `$1` from `$2` to `$3`; each row an hour, an id and a
 * currency. Written apart from the functions that recompute: two ways to the same figures, so that a fault in one is seen.
 */
export interface BaseFigures {
  readonly base: string;
  readonly kept: string;
  readonly figures: readonly string[];
}

const within = (moment: string): string => `program_id = $1 AND ${moment} >= $2 AND ${moment} < $3`;
const hourOf = (moment: string): string => `date_trunc('hour', ${moment}, 'UTC') AS hour`;

const COMMISSION_NAMES = figureNames(COMMISSION_FIGURES);
const PARTNER_COMMISSION_NAMES = [...COMMISSION_NAMES, ...figureNames(PAID_FIGURES)];
const EARNING_NAMES = figureNames(EARNING_FIGURES);
const CONVERSION_NAMES = figureNames(CONVERSION_FIGURES);

function kept(table: string, id: string, figures: readonly string[]): Omit<BaseFigures, 'base'> {
  return {
    kept: `SELECT hour, ${id} AS id, currency, ${figures.join(', ')} FROM ${table} WHERE ${within('hour')}`,
    figures,
  };
}

export const BASE_FIGURES: Record<Rollup, BaseFigures> = {
  partner_conversions: {
    ...kept('rollup_partner_hours', 'partner_id', CONVERSION_NAMES),
    base: `
      SELECT ${hourOf('converted_at')}, partner_id AS id, currency, ${sums(CONVERSION_FIGURES)}
      FROM conversion_events e WHERE ${within('converted_at')} GROUP BY 1, 2, 3`,
  },
  partner_commissions: {
    ...kept('rollup_partner_hours', 'partner_id', PARTNER_COMMISSION_NAMES),
    base: `
      SELECT coalesce(created.hour, paid.hour) AS hour, coalesce(created.id, paid.id) AS id,
        coalesce(created.currency, paid.currency) AS currency, ${PARTNER_COMMISSION_NAMES.join(', ')}
      FROM (SELECT ${hourOf('created_at')}, partner_id AS id, currency, ${sums(COMMISSION_FIGURES)}
        FROM commissions c WHERE ${within('created_at')} GROUP BY 1, 2, 3) AS created
      FULL JOIN (SELECT ${hourOf('paid_at')}, partner_id AS id, currency, ${sums(PAID_FIGURES)}
        FROM commissions c WHERE ${within('paid_at')} GROUP BY 1, 2, 3) AS paid
      ON paid.hour = created.hour AND paid.id = created.id AND paid.currency = created.currency`,
  },
  policies: {
    ...kept('rollup_policy_hours', 'policy_id', EARNING_NAMES),
    base: `
      SELECT ${hourOf('created_at')}, policy_id AS id, currency, ${sums(EARNING_FIGURES)}
      FROM commissions c WHERE ${within('created_at')} AND policy_id IS NOT NULL GROUP BY 1, 2, 3`,
  },
  products: {
    ...kept('rollup_product_hours', 'product_id', ['conversions']),
    base: `
      SELECT ${hourOf('converted_at')}, product_id AS id, currency, count(*) FILTER (WHERE is_primary) AS conversions
      FROM conversion_events WHERE ${within('converted_at')} GROUP BY 1, 2, 3`,
  },
  // Clicks have no currency: the same word on both sides joins them.
  clicks: {
    base: `
      SELECT ${hourOf('clicked_at')}, partner_id AS id, 'any' AS currency, count(*) AS valid_clicks
      FROM referral_clicks WHERE ${within('clicked_at')} AND status = 'valid' GROUP BY 1, 2, 3`,
    kept: `
      SELECT hour, partner_id AS id, 'any' AS currency, valid_clicks FROM rollup_click_hours WHERE ${within('hour')}`,
    figures: ['valid_clicks'],
  },
};
