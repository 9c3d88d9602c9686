import type { Actor, StoredEvent } from '@tributary/event-catalog';
import { eventsOf, instant, requireRows, storedEvents } from '@tributary/commissions';
import type { ClickStatus, Database, QueryParam } from '@tributary/schema';
import type { NewClick } from './click.ts';

const COLUMNS = [
  ['id', 'uuid', 'id'],
  ['partner_id', 'uuid', 'partnerId'],
  ['product_id', 'uuid', 'productId'],
  ['referral_code', 'text', 'referralCode'],
  ['sub_id', 'text', 'subId'],
  ['landing_url', 'text', 'landingUrl'],
  ['referrer', 'text', 'referrer'],
  ['utm_source', 'text', 'utmSource'],
  ['utm_medium', 'text', 'utmMedium'],
  ['utm_campaign', 'text', 'utmCampaign'],
  ['source', 'text', 'source'],
  ['status', 'text', 'status'],
  ['visitor_hash', 'text', 'visitorHash'],
  ['fingerprint_hash', 'text', 'fingerprintHash'],
  ['ip_anonymized', 'text', 'ipAnonymized'],
  ['user_agent', 'text', 'userAgent'],
  ['clicked_at', 'timestamptz', 'clickedAt'],
] as const satisfies readonly (readonly [string, string, keyof NewClick])[];

const FIRST_ARRAY = 5;
const names = COLUMNS.map(([name]) => name).join(', ');
const arrays = COLUMNS.map(([, type], index) => `$${FIRST_ARRAY + index}::${type}[]`).join(', ');
const values = COLUMNS.map(([name]) => (name === 'status' ? 'j.final' : `j.${name}`)).join(', ');

/**
 * Statements that look for duplicates pass one at a time, in all processes. Each moves the token on, and one that had to wait
 * finds a token (`old`, always the newest) other than that of its snapshot: it would not have seen the clicks of the
 * statement it waited for, and is given up and run again.
 */
const GATE = `
  gate AS MATERIALIZED (
    INSERT INTO leases AS l (name, holder, token, expires_at) VALUES ('clicks:' || $1::text, 'clicks', 1, $2::timestamptz)
    ON CONFLICT (name) DO UPDATE SET token = l.token + 1, expires_at = excluded.expires_at
    RETURNING coalesce(old.token, 0) AS passed),
  snapshot AS MATERIALIZED (
    SELECT ${requireRows(
      `gate WHERE passed = coalesce((SELECT token FROM leases WHERE name = 'clicks:' || $1::text), 0)`,
      '1',
    )} AS is_current)`;

const NO_GATE = `snapshot AS (SELECT TRUE AS is_current)`;

const repeats = (column: string): string => `EXISTS (
        SELECT FROM referral_clicks e
        WHERE e.program_id = $1::text AND e.${column} = c.${column} AND e.referral_code = c.referral_code AND e.status = 'valid'
          AND e.clicked_at > c.clicked_at - interval '24 hours' AND e.clicked_at < c.clicked_at + interval '24 hours')`;

const RECORDED = `jsonb_build_object('clickId', s.id, 'partnerId', s.partner_id, 'productId', s.product_id,
        'referralCode', s.referral_code, 'subId', s.sub_id, 'source', s.source, 'status', s.status,
        'clickedAt', ${instant('s.clicked_at')})`;

const statement = (gate: string): string => `WITH ${gate},
  click AS MATERIALIZED (SELECT * FROM unnest(${arrays}) AS t(${names})),
  judged AS MATERIALIZED (
    SELECT c.*, CASE WHEN c.status = 'valid' AND (${repeats('visitor_hash')} OR ${repeats('fingerprint_hash')})
      THEN 'duplicate' ELSE c.status END AS final
    FROM snapshot CROSS JOIN click c WHERE snapshot.is_current),
  stored AS (
    INSERT INTO referral_clicks (program_id, ${names}) SELECT $1::text, ${values} FROM judged j
    ON CONFLICT DO NOTHING RETURNING *),
  counted AS (
    INSERT INTO rollup_click_hours AS r (program_id, hour, partner_id, valid_clicks)
    SELECT $1::text, date_trunc('hour', s.clicked_at, 'UTC') AS hour, s.partner_id, count(*)
    FROM stored s WHERE s.status = 'valid' GROUP BY hour, s.partner_id ORDER BY hour, s.partner_id
    ON CONFLICT (program_id, hour, partner_id) DO UPDATE SET valid_clicks = r.valid_clicks + excluded.valid_clicks),
  events AS (
    INSERT INTO outbox_events (id, program_id, type, subject, actor, request_id, data, occurred_at)
    SELECT uuidv7(), $1::text, 'click.recorded', '{}'::jsonb, $3::jsonb, $4::text,
      jsonb_build_object('clicks', jsonb_agg(${RECORDED} ORDER BY s.id)), $2::timestamptz
    FROM stored s HAVING count(*) > 0 RETURNING *)
SELECT (SELECT coalesce(json_object_agg(s.id, s.status), '{}'::json) FROM stored s) AS statuses, ${eventsOf(['events'])} AS events`;

const GATED = statement(GATE);
const UNGATED = statement(NO_GATE);

const PUBLIC: Actor = { kind: 'public', id: null, name: 'public' };

export interface StoredClicks {
  /** The final status by id; a click that was stored before is missing. */
  readonly statuses: Readonly<Record<string, ClickStatus>>;
  readonly events: StoredEvent[];
}

/**
 * Stores clicks of one programme, counts the valid ones and writes one event, in one statement. No two of them may share a
 * visitor or fingerprint on one code, unless one is marked a duplicate. Storing a click again changes nothing.
 * @throws SQLSTATE TR001 when other clicks came in between (only `gated`): nothing was written
 */
export async function storeClicks(
  db: Pick<Database, 'query'>,
  clicks: readonly NewClick[],
  options: { readonly programId: string; readonly now: Date; readonly gated: boolean },
): Promise<StoredClicks> {
  const { programId, now, gated } = options;
  const columns = COLUMNS.map(([, , field]): QueryParam => clicks.map((click) => click[field]));
  const [row] = await db.query<{ statuses: Record<string, ClickStatus>; events: unknown[] }>(
    gated ? GATED : UNGATED,
    [programId, now, { ...PUBLIC }, null, ...columns],
  );
  return { statuses: row?.statuses ?? {}, events: storedEvents(row?.events ?? []) };
}
