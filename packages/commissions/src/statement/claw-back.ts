import type { ContextPlaceholders, Parameters } from './parameters.ts';

/** How much of a paid commission is taken back; decimal text, above 0. */
export interface ClawedBack {
  commissionId: string;
  amount: string;
  /** The running total that the amount was computed from; left out where only the limit counts. */
  clawedBackBefore?: string;
}

/** The CTE `claw` from decided claw-backs. */
export function decidedClawBacks(parameters: Parameters, originals: readonly ClawedBack[]): string {
  const records = parameters.add(
    originals.map(({ commissionId, amount, clawedBackBefore }) => ({
      id: commissionId,
      amount,
      before: clawedBackBefore,
    })),
    'jsonb',
  );
  return `claw AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(${records}) AS x(id uuid, amount numeric, before numeric))`;
}

/**
 * The CTE `clawed` that adds `claw` to the originals' running totals. The limit stands in the row's own WHERE: two
 * claw-backs at once can never take more than was paid. The paid commission itself, its amount and version, stays as it is.
 * `after` is a condition on an earlier CTE, one that has locked the rows.
 */
export const clawBackOriginals = (c: ContextPlaceholders, after = 'true'): string => `clawed AS (
    UPDATE commissions c SET clawed_back_amount = c.clawed_back_amount + x.amount
    FROM claw x
    WHERE c.program_id = ${c.programId} AND c.id = x.id AND c.status = 'paid' AND c.kind <> 'clawback'
      AND c.clawed_back_amount + x.amount <= c.commission_amount
      AND c.clawed_back_amount = coalesce(x.before, c.clawed_back_amount) AND ${after}
    RETURNING c.*)`;
