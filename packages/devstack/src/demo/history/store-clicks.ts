import { type Database, DEFAULT_PROGRAM, type QueryParam } from '@tributary/schema';

import type { StoredCatalogue } from '../catalogue/store-catalogue.ts';
import type { PlannedClick } from './plan-clicks.ts';

const STORE = `WITH stored AS (
    INSERT INTO referral_clicks (id, program_id, clicked_at, partner_id, product_id, referral_code, sub_id, source, utm_campaign,
      utm_source, referrer, status, visitor_hash, ip_anonymized, user_agent, landing_url)
    SELECT t.id, $1, t.at, t.partner, t.product, t.code, t.sub_id, t.source, t.campaign,
      CASE WHEN t.campaign IS NULL THEN NULL ELSE lower(t.code) END, t.referrer, t.status, t.visitor, t.ip, t.agent,
      'https://shop.example/'
    FROM unnest($2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
      $11::text[], $12::text[], $13::text[], $14::text[])
      AS t (id, at, partner, product, code, sub_id, source, campaign, referrer, status, visitor, ip, agent)
    ON CONFLICT DO NOTHING
    RETURNING clicked_at, partner_id, status)
  INSERT INTO rollup_click_hours AS r (program_id, hour, partner_id, valid_clicks)
  SELECT $1, date_trunc('hour', clicked_at, 'UTC') AS hour, partner_id, count(*) FROM stored WHERE status = 'valid' GROUP BY hour, partner_id
  ON CONFLICT (program_id, hour, partner_id) DO UPDATE SET valid_clicks = r.valid_clicks + excluded.valid_clicks`;

/** Stores clicks and counts the valid ones in one statement; those that are there already are neither stored nor counted. */
export async function storeClicks(
  db: Database,
  catalogue: StoredCatalogue,
  clicks: readonly PlannedClick[],
): Promise<void> {
  const column = (of: (click: PlannedClick) => QueryParam): QueryParam => clicks.map(of);
  await db.query(STORE, [
    DEFAULT_PROGRAM,
    column((click) => click.id),
    column((click) => click.at),
    column((click) => catalogue.partners.get(click.partnerCode) ?? null),
    column((click) => (click.sku === null ? null : (catalogue.products.get(click.sku) ?? null))),
    column((click) => click.partnerCode),
    column((click) => click.subId),
    column((click) => click.source),
    column((click) => click.campaign),
    column((click) => click.referrer),
    column((click) => click.status),
    column((click) => click.visitorHash),
    column((click) => click.ipAnonymized),
    column((click) => click.userAgent),
  ]);
}
