import type { Database } from '@tributary/schema';
import type { OrderAttribution } from '@tributary/schema/tables';

import { EARLIER_ORDERS } from '../orders/find-touches.ts';
import { settingsRevision } from '../revisions.ts';
import { commissionWire, conversionWire } from '../statement/wire.ts';

/** An order as it was recorded. */
export interface RecordedOrder {
  id: string;
  version: number;
  currency: string;
  isNewCustomer: boolean;
  attribution: OrderAttribution;
  lines: RecordedLine[];
}

export interface RecordedLine {
  id: string;
  productId: string;
  amount: string;
}

const ORDER = `
  SELECT o.id, o.version, o.external_id, o.currency, o.is_new_customer, o.attribution,
    (SELECT coalesce(json_agg(json_build_object('id', l.id, 'productId', l.product_id, 'amount', l.amount::text)), '[]'::json)
     FROM order_lines l WHERE l.program_id = o.program_id AND l.order_id = o.id) AS lines
  FROM orders o WHERE o.program_id = $1 AND o.external_id`;

/** With the settings' revision: new orders are attributed by the settings of this moment, or later ones. */
const withSettings = (orders: string): string => `
  SELECT s.settings_revision, f.* FROM (SELECT ${settingsRevision('$1')} AS settings_revision) s
  LEFT JOIN LATERAL (${orders}) f ON TRUE`;

const ONE_ORDER = withSettings(`${ORDER} = $2`);
const SEVERAL_ORDERS = withSettings(`${ORDER} = ANY($2::text[])`);

type OrderRow = { settingsRevision: string } & ((RecordedOrder & { externalId: string }) | { id: null });

/** An order, if it is recorded, by the shop's own id. */
export async function findOrder(
  db: Database,
  programId: string,
  externalId: string,
): Promise<{ known: RecordedOrder | undefined; settingsRevision: string }> {
  const found = await db.query<OrderRow>(ONE_ORDER, [programId, externalId]);
  return { known: recordedOf(found).get(externalId), settingsRevision: revisionIn(found) };
}

/** Those of some orders that are recorded, by the shop's own ids. */
export async function findOrders(
  db: Database,
  programId: string,
  externalIds: readonly string[],
): Promise<{ known: Map<string, RecordedOrder>; settingsRevision: string }> {
  const found = await db.query<OrderRow>(SEVERAL_ORDERS, [programId, [...externalIds]]);
  return { known: recordedOf(found), settingsRevision: revisionIn(found) };
}

const revisionIn = (rows: readonly OrderRow[]): string => rows[0]?.settingsRevision ?? '';

function recordedOf(rows: readonly OrderRow[]): Map<string, RecordedOrder> {
  const orders = new Map<string, RecordedOrder>();
  for (const row of rows) {
    if (row.id === null) continue;
    const { externalId, settingsRevision: _revision, ...order } = row;
    orders.set(externalId, order);
  }
  return orders;
}

const LINES_ON_WIRE = `
  SELECT
    (SELECT coalesce(json_agg(${conversionWire('v')} ORDER BY v.order_line_id, v.is_primary DESC, v.id), '[]'::json)
     FROM conversion_events v WHERE v.program_id = $1 AND v.order_line_id = ANY($2::uuid[]))::text AS conversions,
    (SELECT coalesce(json_agg(${commissionWire('c')} ORDER BY c.id), '[]'::json)
     FROM commissions c JOIN conversion_events v ON v.program_id = c.program_id AND v.id = c.conversion_id
     WHERE c.program_id = $1 AND c.kind = 'earning' AND v.order_line_id = ANY($2::uuid[]))::text AS commissions`;

/** JSON texts of the conversions and commissions of some lines, as they are now. */
export async function readLinesOnWire(
  db: Database,
  programId: string,
  lineIds: readonly string[],
): Promise<{ conversions: string; commissions: string }> {
  const [row] = await db.query<{ conversions: string; commissions: string }>(LINES_ON_WIRE, [
    programId,
    [...lineIds],
  ]);
  return row ?? { conversions: '[]', commissions: '[]' };
}

const CUSTOMER = `SELECT TRUE AS known FROM customers WHERE program_id = $1 AND ref_hash = $2`;
const CUSTOMERS = `SELECT ref_hash FROM customers WHERE program_id = $1 AND ref_hash = ANY($2::text[])`;

/** Whether an earlier order of this customer is known. */
export async function isKnownCustomer(db: Database, programId: string, refHash: string): Promise<boolean> {
  const rows = await db.query<{ known: boolean }>(CUSTOMER, [programId, refHash]);
  return rows.length > 0;
}

const LED_CUSTOMERS = `
  SELECT k.ref_hash FROM customers k WHERE k.program_id = $1 AND k.ref_hash = ANY($2::text[]) AND EXISTS (
    SELECT FROM (
      SELECT o.attribution -> 'path' AS path FROM orders o WHERE o.program_id = k.program_id AND o.customer_id = k.id
      ORDER BY o.placed_at DESC LIMIT ${EARLIER_ORDERS}) earlier
    WHERE path <> '[]'::jsonb)`;

/** Those of some customers whose earlier orders, as far back as touches are looked for by them, were led by clicks. */
export async function ledCustomers(
  db: Database,
  programId: string,
  refHashes: readonly string[],
): Promise<Set<string>> {
  if (refHashes.length === 0) return new Set();
  const rows = await db.query<{ refHash: string }>(LED_CUSTOMERS, [programId, [...refHashes]]);
  return new Set(rows.map(({ refHash }) => refHash));
}

/** Those of some customers of whom an earlier order is known. */
export async function knownCustomers(
  db: Database,
  programId: string,
  refHashes: readonly string[],
): Promise<Set<string>> {
  if (refHashes.length === 0) return new Set();
  const rows = await db.query<{ refHash: string }>(CUSTOMERS, [programId, [...refHashes]]);
  return new Set(rows.map(({ refHash }) => refHash));
}
