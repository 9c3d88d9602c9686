import type { AttributionModel, ConversionStatus } from '@tributary/schema';
import type { OrderAttribution } from '@tributary/schema/tables';

import { isFew } from './few.ts';
import type { ContextPlaceholders, Parameters } from './parameters.ts';
import { auditInsert, outboxInsert, type AuditSource } from './records.ts';
import { requireRows } from './run.ts';
import { conversionEventData, conversionWire } from './wire.ts';

/** An order to be written, or the existing one (`version` set) to which lines are added. Amounts are decimal text. */
export interface OrderWrite {
  id: string;
  version: number | null;
  externalId: string;
  currency: string;
  placedAt: string;
  attribution: OrderAttribution;
  isNewCustomer: boolean;
  customer: { id: string; refHash: string; mustBeNew: boolean } | null;
}

export interface NewOrderLine {
  id: string;
  orderRowId: string;
  productId: string;
  quantity: number;
  amount: string;
  commissionableAmount: string;
}

/** One credited partner's row of a line. */
export interface NewConversion {
  id: string;
  orderRowId: string;
  orderLineId: string;
  partnerId: string;
  productId: string;
  clickId: string | null;
  referralCode: string | null;
  subId: string | null;
  model: AttributionModel;
  weight: string;
  path: OrderAttribution['path'];
  isPrimary: boolean;
  orderAmount: string;
  attributedAmount: string;
  quantity: number;
  status: ConversionStatus;
  noCommissionReason: string | null;
  clickedAt: string | null;
  idempotencyKey: string;
  metadata: Record<string, unknown>;
}

const ORDER = `id uuid, version int, external_id text, currency text, placed_at timestamptz, attribution jsonb,
    is_new_customer boolean, customer_id uuid, ref_hash text, first_order_at timestamptz, must_be_new boolean`;

const orderRecord = (order: OrderWrite): Record<string, unknown> => ({
  id: order.id,
  version: order.version,
  external_id: order.externalId,
  currency: order.currency,
  placed_at: order.placedAt,
  attribution: order.version === null ? order.attribution : null,
  is_new_customer: order.isNewCustomer,
  ref_hash: order.customer?.refHash,
  must_be_new: order.customer?.mustBeNew,
});

/** Of several orders of a customer the first one carries its row: a statement may write a row but once. */
function orderRecords(orders: readonly OrderWrite[]): Record<string, unknown>[] {
  const carriers = new Map<string, { record: Record<string, unknown>; firstOrderAt: string }>();
  return orders.map((order) => {
    const record = orderRecord(order);
    if (order.customer === null) return record;
    const { id, refHash } = order.customer;
    const carrier = carriers.get(refHash) ?? { record, firstOrderAt: order.placedAt };
    carriers.set(refHash, carrier);
    if (carrier.record === record) record['customer_id'] = id;
    if (order.placedAt < carrier.firstOrderAt) carrier.firstOrderAt = order.placedAt;
    carrier.record['first_order_at'] = carrier.firstOrderAt;
    return record;
  });
}

/**
 * The CTEs that write customers and orders (`placed`), or add to existing ones. Need `new_order` and `new_line`. Rows that
 * others may write at the same time are taken in one order.
 */
const ORDER_CTES = (c: ContextPlaceholders): string[] => [
  `customer AS (
    INSERT INTO customers AS t (id, program_id, ref_hash, first_order_at)
    SELECT x.customer_id, ${c.programId}, x.ref_hash, x.first_order_at FROM new_order x WHERE x.customer_id IS NOT NULL
    ORDER BY x.ref_hash
    ON CONFLICT (program_id, ref_hash) DO UPDATE SET first_order_at = least(t.first_order_at, excluded.first_order_at)
    RETURNING t.id, t.ref_hash, old.id IS NULL AS is_new)`,
  `extended AS (
    UPDATE orders o SET amount = o.amount + (SELECT sum(l.amount) FROM new_line l WHERE l.order_row_id = o.id),
      version = o.version + 1, updated_at = ${c.now}
    FROM new_order x
    WHERE x.version IS NOT NULL AND ${isFew('x.id')} AND o.program_id = ${c.programId} AND o.id = x.id AND o.version = x.version
    RETURNING o.*)`,
  `opened AS (
    INSERT INTO orders (id, program_id, external_id, customer_id, is_new_customer, currency, amount, attribution, placed_at,
      created_at, updated_at)
    SELECT x.id, ${c.programId}, x.external_id, k.id, x.is_new_customer, x.currency, l.amount, x.attribution, x.placed_at,
      ${c.now}, ${c.now}
    FROM new_order x
    JOIN (SELECT order_row_id, sum(amount) AS amount FROM new_line GROUP BY order_row_id) l ON l.order_row_id = x.id
    LEFT JOIN customer k ON k.ref_hash = x.ref_hash
    WHERE x.version IS NULL ORDER BY x.external_id
    ON CONFLICT (program_id, external_id) DO NOTHING RETURNING *)`,
  'placed AS (SELECT * FROM extended UNION ALL SELECT * FROM opened)',
];

const LINE =
  'id uuid, order_row_id uuid, product_id uuid, quantity int, amount numeric, commissionable_amount numeric';

const CONVERSION = `id uuid, order_row_id uuid, order_line_id uuid, partner_id uuid, product_id uuid, click_id uuid, referral_code text, sub_id text,
    attribution_model text, attribution_weight numeric, attribution_path jsonb, is_primary boolean, order_amount numeric,
    attributed_amount numeric, quantity int, status text, no_commission_reason text, clicked_at timestamptz,
    idempotency_key text, metadata jsonb, reason text, reason_code text, shop_refund_id text, refund_amount numeric`;

const lineRecord = (line: NewOrderLine): Record<string, unknown> => ({
  id: line.id,
  order_row_id: line.orderRowId,
  product_id: line.productId,
  quantity: line.quantity,
  amount: line.amount,
  commissionable_amount: line.commissionableAmount,
});

const conversionRecord = (conversion: NewConversion): Record<string, unknown> => ({
  id: conversion.id,
  order_row_id: conversion.orderRowId,
  order_line_id: conversion.orderLineId,
  partner_id: conversion.partnerId,
  product_id: conversion.productId,
  click_id: conversion.clickId,
  referral_code: conversion.referralCode,
  sub_id: conversion.subId,
  attribution_model: conversion.model,
  attribution_weight: conversion.weight,
  attribution_path: conversion.path,
  is_primary: conversion.isPrimary,
  order_amount: conversion.orderAmount,
  attributed_amount: conversion.attributedAmount,
  quantity: conversion.quantity,
  status: conversion.status,
  no_commission_reason: conversion.noCommissionReason,
  clicked_at: conversion.clickedAt,
  idempotency_key: conversion.idempotencyKey,
  metadata: conversion.metadata,
});

const INSERT_CONVERSIONS = (c: ContextPlaceholders) => `recorded_rows AS (
    INSERT INTO conversion_events (id, program_id, order_row_id, order_line_id, order_id, partner_id, product_id, click_id,
      referral_code, sub_id, attribution_model, attribution_weight, attribution_path, is_primary, order_amount,
      attributed_amount, quantity, currency, is_new_customer, status, no_commission_reason, idempotency_key, metadata,
      clicked_at, converted_at, confirmed_at, created_at, updated_at)
    SELECT x.id, ${c.programId}, p.id, x.order_line_id, p.external_id, x.partner_id, x.product_id, x.click_id,
      x.referral_code, x.sub_id, x.attribution_model, x.attribution_weight, x.attribution_path, x.is_primary, x.order_amount,
      x.attributed_amount, x.quantity, p.currency, p.is_new_customer, x.status, x.no_commission_reason, x.idempotency_key,
      x.metadata, x.clicked_at, p.placed_at, CASE WHEN x.status = 'confirmed' THEN ${c.now} END, ${c.now}, ${c.now}
    FROM new_conversion x JOIN placed p ON p.id = x.order_row_id RETURNING *)`;

const PENDING_STATE = `jsonb_build_object('status', 'pending', 'refundedAmount', 0)`;

/** One insert for both steps: inserts that nothing reads run in any order, and the rows' ids tell the trail's. */
const RECORDED_AUDIT: AuditSource = {
  entityType: `'conversion'`,
  entityId: 'r.id::text',
  action: 's.action',
  changes: 's.changes',
  reason: 'NULL',
  reasonCode: 'NULL',
  from: `recorded r CROSS JOIN LATERAL (VALUES
      (1, 'recorded', jsonb_build_array(jsonb_build_object('field', 'status', 'oldValue', NULL, 'newValue', 'pending'),
        jsonb_build_object('field', 'attributedAmount', 'oldValue', NULL, 'newValue', r.attributed_amount))),
      (2, 'confirmed', jsonb_build_array(jsonb_build_object('field', 'status', 'oldValue', 'pending', 'newValue', 'confirmed')))
    ) AS s(step, action, changes) WHERE s.step = 1 OR r.status = 'confirmed' ORDER BY r.id, s.step`,
};

/**
 * The CTEs that write orders with their customers, lines and conversions (`recorded`), audit rows and events. A
 * conversion that is confirmed at once is recorded first and confirmed second: two audit rows, two events.
 */
export function newConversions(
  parameters: Parameters,
  c: ContextPlaceholders,
  write: {
    orders: readonly OrderWrite[];
    lines: readonly NewOrderLine[];
    conversions: readonly NewConversion[];
  },
): { ctes: string[]; answers: Record<string, string>; events: string[] } {
  const outbox = (name: string, type: string, data: string, where: string) =>
    outboxInsert(c, name, {
      type: `'conversion.${type}'`,
      subject: `jsonb_build_object('conversionId', r.id, 'partnerId', r.partner_id)`,
      data,
      from: `recorded r ${where}`,
    });
  const records = (name: string, values: Record<string, unknown>[], columns: string): string =>
    `${name} AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(${parameters.add(values, 'jsonb')}) AS x(${columns}))`;
  const confirmedOnly = `WHERE r.status = 'confirmed'`;
  const recordedData = conversionEventData('r', 'r', 'NULL', PENDING_STATE);
  const ctes = [
    records('new_order', orderRecords(write.orders), ORDER),
    records('new_line', write.lines.map(lineRecord), LINE),
    records('new_conversion', write.conversions.map(conversionRecord), CONVERSION),
    ...ORDER_CTES(c),
    `line_rows AS (
    INSERT INTO order_lines (id, program_id, order_id, product_id, quantity, amount, commissionable_amount, created_at)
    SELECT x.id, ${c.programId}, p.id, x.product_id, x.quantity, x.amount, x.commissionable_amount, ${c.now}
    FROM new_line x JOIN placed p ON p.id = x.order_row_id)`,
    INSERT_CONVERSIONS(c),
    `recorded AS (
    SELECT i.*, x.reason, x.reason_code, x.shop_refund_id, x.refund_amount
    FROM recorded_rows i JOIN new_conversion x ON x.id = i.id)`,
    auditInsert(c, 'recorded_audit', RECORDED_AUDIT),
    outbox('recorded_events', 'recorded', recordedData, ''),
    outbox('confirmed_events', 'confirmed', conversionEventData('r', 'r', PENDING_STATE), confirmedOnly),
  ];
  const answers = {
    orders_written: requireRows('placed', '(SELECT count(*) FROM new_order)'),
    customers_are_new: requireRows(
      'new_order x JOIN customer k ON k.ref_hash = x.ref_hash WHERE x.must_be_new AND k.is_new',
      '(SELECT count(*) FROM new_order WHERE must_be_new)',
    ),
  };
  return { ctes, answers, events: ['recorded_events', 'confirmed_events'] };
}

const onWire = (row: string, from: string) =>
  `SELECT ${conversionWire(row)} AS wire, ${row}.order_line_id, ${row}.is_primary, ${row}.id FROM ${from}`;

/**
 * The conversions that were written as a JSON array, primary ones first, and with them those of lines that had been
 * recorded before (`repeated`, an array of their ids).
 */
export const recordedOnWire = (c: ContextPlaceholders, repeated?: string): string => `(
    SELECT coalesce(json_agg(w.wire ORDER BY w.order_line_id, w.is_primary DESC, w.id), '[]'::json) FROM (
    ${onWire('r', 'recorded r')}${
      repeated === undefined
        ? ''
        : ` UNION ALL ${onWire('v', `conversion_events v WHERE v.program_id = ${c.programId} AND v.order_line_id = ANY(${repeated})`)}`
    }) w)`;
