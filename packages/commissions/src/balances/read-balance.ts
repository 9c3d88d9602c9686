import type { Database } from '@tributary/schema';

const SUMS = `currency,
    coalesce(sum(amount) FILTER (WHERE kind <> 'clawback' AND status = 'pending'), 0) AS pending,
    coalesce(sum(amount) FILTER (WHERE kind <> 'clawback' AND status = 'confirmed'), 0) AS confirmed,
    coalesce(sum(amount) FILTER (WHERE kind <> 'clawback' AND status = 'paid'), 0) AS paid,
    coalesce(sum(amount) FILTER (WHERE kind = 'clawback' AND status = 'confirmed'), 0) AS to_net,
    coalesce(sum(amount) FILTER (WHERE kind = 'clawback' AND status = 'paid'), 0) AS netted,
    coalesce(sum(amount) FILTER (WHERE status = 'confirmed'), 0) AS payable`;

const statement = (source: string): string => `
  WITH held AS (${source}), sums AS (SELECT ${SUMS} FROM held GROUP BY currency)
  SELECT coalesce(json_agg(json_build_object('currency', currency, 'pending', pending, 'confirmed', confirmed, 'paid', paid,
    'clawbacksToNet', to_net, 'clawbacksNetted', netted, 'payable', payable) ORDER BY currency), '[]'::json)::text AS currencies
  FROM sums`;

const NOW = statement(
  `SELECT kind, currency, status, commission_amount AS amount FROM commissions WHERE program_id = $1 AND partner_id = $2`,
);

/** The last entry of each commission by then says what it was. */
const THEN = statement(`
    SELECT DISTINCT ON (commission_id) kind, currency, status_after AS status, amount_after AS amount
    FROM commission_entries WHERE program_id = $1 AND partner_id = $2 AND at <= $3
    ORDER BY commission_id, version DESC`);

/**
 * The JSON text of what a partner has per currency, an array of `{currency, pending, confirmed, paid, clawbacksToNet, clawbacksNetted,
 * payable}`: now from the rows, at a past moment from the entries. Claw-backs are negative; payable is what a payment would come to.
 */
export async function readBalance(
  db: Pick<Database, 'query'>,
  programId: string,
  { partnerId, asOf }: { readonly partnerId: string; readonly asOf: Date | undefined },
): Promise<string> {
  const rows =
    asOf === undefined
      ? await db.query<{ currencies: string }>(NOW, [programId, partnerId])
      : await db.query<{ currencies: string }>(THEN, [programId, partnerId, asOf]);
  return rows[0]?.currencies ?? '[]';
}
