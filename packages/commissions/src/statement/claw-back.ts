import type { ContextPlaceholders, Parameters } from './parameters.ts';

/** How much of a paid commission is taken back; decimal text, above 0. */
export interface ClawedBack {
  commissionId: string;
  amount: string;
}

/**
 * The CTE `clawed` that adds claw-backs to their originals' running totals. The limit stands in the row's own WHERE: two
 * claw-backs at once can never take more than was paid. The paid commission itself, its amount and version, stays as it is.
 */
export function clawBackOriginals(
  parameters: Parameters,
  c: ContextPlaceholders,
  originals: readonly ClawedBack[],
): string[] {
  const records = parameters.add(
    originals.map(({ commissionId, amount }) => ({ id: commissionId, amount })),
    'jsonb',
  );
  return [
    `claw AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(${records}) AS x(id uuid, amount numeric))`,
    `clawed AS (
    UPDATE commissions c SET clawed_back_amount = c.clawed_back_amount + x.amount
    FROM claw x
    WHERE c.program_id = ${c.programId} AND c.id = x.id AND c.status = 'paid' AND c.kind <> 'clawback'
      AND c.clawed_back_amount + x.amount <= c.commission_amount
    RETURNING c.*)`,
  ];
}
