import type { Database, EndpointStatus } from '@tributary/schema';
import { endpointWire } from './endpoint-wire.ts';

export interface EndpointFilters {
  readonly programId: string;
  readonly partnerId: string | undefined;
  readonly status: EndpointStatus | undefined;
}

/** A place in the list, newest first. */
export interface Position {
  readonly createdAt: string;
  readonly id: string;
}

export interface Page {
  readonly limit: number;
  readonly offset: number;
  readonly after: Position | undefined;
}

export interface ListedPage {
  /** JSON text of the rows. */
  readonly rows: string;
  readonly last: Position | null;
  readonly size: number;
}

const MATCHES = `e.program_id = $1 AND e.deleted_at IS NULL AND ($2::uuid IS NULL OR e.partner_id = $2::uuid)
  AND ($3::text IS NULL OR e.status = $3::text)`;

const LIST = `
  SELECT coalesce(jsonb_agg(${endpointWire('page')} ORDER BY created_at DESC, id DESC), '[]')::text AS rows,
    count(*)::int AS size,
    (array_agg(json_build_object('createdAt', created_at, 'id', id) ORDER BY created_at, id))[1] AS last
  FROM (
    SELECT * FROM webhook_endpoints e
    WHERE ${MATCHES} AND ($4::timestamptz IS NULL OR (e.created_at, e.id) < ($4::timestamptz, $5::uuid))
    ORDER BY e.created_at DESC, e.id DESC LIMIT $6::int OFFSET $7::int) page`;

const COUNT = `SELECT count(*)::int AS matches FROM (SELECT 1 FROM webhook_endpoints e WHERE ${MATCHES} LIMIT $4::int) m`;

export async function listEndpoints(
  db: Pick<Database, 'query'>,
  { programId, partnerId, status }: EndpointFilters,
  { limit, offset, after }: Page,
): Promise<ListedPage> {
  const params = [programId, partnerId ?? null, status ?? null, after?.createdAt ?? null, after?.id ?? null];
  const [page] = await db.query<ListedPage>(LIST, [...params, limit, offset]);
  return page ?? { rows: '[]', last: null, size: 0 };
}

/** Matches, counted up to `atMost`. */
export async function countEndpoints(
  db: Pick<Database, 'query'>,
  { programId, partnerId, status }: EndpointFilters,
  atMost: number | null,
): Promise<number> {
  const [row] = await db.query<{ matches: number }>(COUNT, [
    programId,
    partnerId ?? null,
    status ?? null,
    atMost,
  ]);
  return row?.matches ?? 0;
}
