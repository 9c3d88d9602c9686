import type { Database, DeliveryStatus } from '@tributary/schema';
import { timeOrder } from '../endpoints/list-endpoints.ts';
import type { ListedPage, Page } from '../endpoints/list-endpoints.ts';
import { wireMoment } from '../wire-sql.ts';
import { deliveryFields } from './delivery-wire.ts';
import type { DeliveryDetail } from './delivery-wire.ts';

export interface DeliveryFilters {
  readonly programId: string;
  readonly partnerId: string | undefined;
  readonly endpointId: string | undefined;
  readonly eventType: string | undefined;
  readonly status: DeliveryStatus | undefined;
  readonly from: Date;
  readonly to: Date;
}

type Queries = Pick<Database, 'query'>;

// Written out per filter given, so that each combination has a plan of its own: `$2 IS NULL OR ...` would leave a
// generic plan with the scan over time for all of them.
const CONDITIONS = {
  partnerId: 'd.partner_id = $5::uuid',
  endpointId: 'd.endpoint_id = $6::uuid',
  eventType: 'd.event_type = $7::text',
  status: 'd.status = $8::text',
} as const;

const FAILED = `d.status = 'failed'`;

type Optional = keyof typeof CONDITIONS;
const OPTIONAL = Object.keys(CONDITIONS) as Optional[];

function matching(filters: DeliveryFilters): string {
  const optional: string[] = OPTIONAL.filter((name) => filters[name] !== undefined).map(
    (name) => CONDITIONS[name],
  );
  // Said again as a literal: with the parameter alone a generic plan may not use the index of what failed.
  if (filters.status === 'failed') optional.push(FAILED);
  return [
    'd.program_id = $1',
    'd.created_at >= $2::timestamptz',
    'd.created_at < $3::timestamptz',
    ...optional,
  ].join(' AND ');
}

/** `$4` is the limit; every statement takes all parameters, whichever conditions it has. */
const ALL_TYPED = `($5::uuid, $6::uuid, $7::text, $8::text, $9::timestamptz, $10::uuid, $11::int) IS NOT DISTINCT FROM
    ($5::uuid, $6::uuid, $7::text, $8::text, $9::timestamptz, $10::uuid, $11::int)`;

const filterParams = (filters: DeliveryFilters) => [
  filters.partnerId ?? null,
  filters.endpointId ?? null,
  filters.eventType ?? null,
  filters.status ?? null,
];

/**
 * What is pending is little and often the oldest: reading it all by its own index and sorting costs milliseconds, where the
 * index of time, which a plain list would be planned with, may have to be read to its end. `OFFSET 0` keeps the planner from
 * seeing through.
 */
const sourceOf = ({ status, partnerId, endpointId }: DeliveryFilters): string =>
  status === 'pending' && partnerId === undefined && endpointId === undefined
    ? `(SELECT * FROM webhook_deliveries WHERE program_id = $1 AND status = 'pending' OFFSET 0)`
    : 'webhook_deliveries';

/** One page, by time: the indexes are walked either way. */
export async function listDeliveries(db: Queries, filters: DeliveryFilters, page: Page): Promise<ListedPage> {
  const { order, reverse, beyond } = timeOrder(page);
  const after =
    page.after === undefined ? 'true' : `(d.created_at, d.id) ${beyond} ($9::timestamptz, $10::uuid)`;
  const statement = `
    SELECT coalesce(jsonb_agg(jsonb_build_object(${deliveryFields('page')}) ORDER BY created_at ${order}, id ${order}), '[]')::text
        AS rows,
      count(*)::int AS size,
      (array_agg(json_build_object('createdAt', created_at, 'id', id) ORDER BY created_at ${reverse}, id ${reverse}))[1]
        AS last
    FROM (
      SELECT * FROM ${sourceOf(filters)} d WHERE ${matching(filters)} AND ${after} AND ${ALL_TYPED}
      ORDER BY d.created_at ${order}, d.id ${order} LIMIT $4::int OFFSET $11::int) page`;
  const { programId, from, to } = filters;
  const [listed] = await db.query<ListedPage>(statement, [
    programId,
    from,
    to,
    page.limit,
    ...filterParams(filters),
    page.after?.createdAt ?? null,
    page.after?.id ?? null,
    page.offset,
  ]);
  return listed ?? { rows: '[]', last: null, size: 0 };
}

/** Matches, counted up to `atMost`. */
export async function countDeliveries(
  db: Queries,
  filters: DeliveryFilters,
  atMost: number | null,
): Promise<number> {
  const statement = `
    SELECT count(*)::int AS matches
    FROM (SELECT 1 FROM webhook_deliveries d WHERE ${matching(filters)} AND ${ALL_TYPED} LIMIT $4::int) m`;
  const { programId, from, to } = filters;
  const params = [programId, from, to, atMost, ...filterParams(filters), null, null, null];
  const [row] = await db.query<{ matches: number }>(statement, params);
  return row?.matches ?? 0;
}

export interface DeliveryRef {
  readonly programId: string;
  readonly id: string;
  readonly ownPartnerId: string | undefined;
}

const attemptFields = `
  'attempt', a.attempt, 'attemptedAt', ${wireMoment('a.attempted_at')}, 'durationMs', a.duration_ms,
  'statusCode', a.status_code, 'error', a.error, 'responseExcerpt', a.response_excerpt,
  'nextAttemptAt', ${wireMoment('a.next_attempt_at')}`;

// A first attempt that succeeded is in the delivery's row only.
const FIND = `
  SELECT jsonb_build_object(${deliveryFields('d')}, 'body', d.body, 'attemptHistory', (
    SELECT coalesce(jsonb_agg(jsonb_build_object(${attemptFields}) ORDER BY a.attempt DESC), '[]') FROM (
      SELECT attempt, attempted_at, duration_ms, status_code, error, response_excerpt, next_attempt_at
      FROM webhook_attempts w WHERE w.program_id = d.program_id AND w.delivery_id = d.id
      UNION ALL
      SELECT 1, d.last_attempt_at, d.last_duration_ms, d.last_status_code, NULL, d.last_response_excerpt, NULL
      WHERE d.attempts = 1 AND d.last_error IS NULL AND NOT EXISTS (
        SELECT FROM webhook_attempts w WHERE w.program_id = d.program_id AND w.delivery_id = d.id)
    ) a)) AS delivery
  FROM webhook_deliveries d
  WHERE d.program_id = $1 AND d.id = $2 AND ($3::uuid IS NULL OR d.partner_id = $3::uuid)`;

export async function findDelivery(db: Queries, ref: DeliveryRef): Promise<DeliveryDetail | undefined> {
  const params = [ref.programId, ref.id, ref.ownPartnerId ?? null];
  const [row] = await db.query<{ delivery: DeliveryDetail }>(FIND, params);
  return row?.delivery;
}
