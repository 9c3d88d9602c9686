import type { Database, EndpointStatus } from '@tributary/schema';
import { endpointWire } from './endpoint-wire.ts';

export interface EndpointFilters {
  readonly programId: string;
  readonly partnerId: string | undefined;
  readonly status: EndpointStatus | undefined;
}

/** A place in the list. */
export interface Position {
  readonly createdAt: string;
  readonly id: string;
}

export interface Page {
  readonly limit: number;
  /** Newest first. */
  readonly descending: boolean;
  readonly offset: number;
  readonly after: Position | undefined;
}

export interface ListedPage {
  /** JSON text of the rows. */
  readonly rows: string;
  readonly last: Position | null;
  readonly size: number;
}

/** A direction of time, in SQL. */
export interface TimeOrder {
  readonly order: 'ASC' | 'DESC';
  readonly reverse: 'ASC' | 'DESC';
  /** How the rows after a position compare with it. */
  readonly beyond: '<' | '>';
}

export const timeOrder = ({ descending }: Pick<Page, 'descending'>): TimeOrder =>
  descending
    ? { order: 'DESC', reverse: 'ASC', beyond: '<' }
    : { order: 'ASC', reverse: 'DESC', beyond: '>' };

const MATCHES = `e.program_id = $1 AND e.deleted_at IS NULL AND ($2::uuid IS NULL OR e.partner_id = $2::uuid)
  AND ($3::text IS NULL OR e.status = $3::text)`;

const listInOrder = ({ order, reverse, beyond }: TimeOrder): string => `
  SELECT coalesce(jsonb_agg(${endpointWire('page')} ORDER BY created_at ${order}, id ${order}), '[]')::text AS rows,
    count(*)::int AS size,
    (array_agg(json_build_object('createdAt', created_at, 'id', id) ORDER BY created_at ${reverse}, id ${reverse}))[1]
      AS last
  FROM (
    SELECT * FROM webhook_endpoints e
    WHERE ${MATCHES} AND ($4::timestamptz IS NULL OR (e.created_at, e.id) ${beyond} ($4::timestamptz, $5::uuid))
    ORDER BY e.created_at ${order}, e.id ${order} LIMIT $6::int OFFSET $7::int) page`;

const COUNT = `SELECT count(*)::int AS matches FROM (SELECT 1 FROM webhook_endpoints e WHERE ${MATCHES} LIMIT $4::int) m`;

export async function listEndpoints(
  db: Pick<Database, 'query'>,
  { programId, partnerId, status }: EndpointFilters,
  page: Page,
): Promise<ListedPage> {
  const { limit, offset, after } = page;
  const params = [programId, partnerId ?? null, status ?? null, after?.createdAt ?? null, after?.id ?? null];
  const [listed] = await db.query<ListedPage>(listInOrder(timeOrder(page)), [...params, limit, offset]);
  return listed ?? { rows: '[]', last: null, size: 0 };
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
