import type { AttributionModel, ConversionStatus } from '@tributary/schema';
import type { OrderAttribution } from '@tributary/schema/tables';

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
  productId: string;
  quantity: number;
  amount: string;
  commissionableAmount: string;
}

/** One credited partner's row of a line. */
export interface NewConversion {
  id: string;
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

/** The CTEs that write the customer and the order, or add to an existing order. Need `new_line`. */
function orderCtes(parameters: Parameters, c: ContextPlaceholders, order: OrderWrite): string[] {
  const id = parameters.add(order.id, 'uuid');
  const amount = '(SELECT sum(x.amount) FROM new_line x)';
  if (order.version !== null) {
    return [
      `placed AS (
    UPDATE orders SET amount = amount + ${amount}, version = version + 1, updated_at = ${c.now}
    WHERE program_id = ${c.programId} AND id = ${id} AND version = ${parameters.add(order.version, 'int')} RETURNING *)`,
    ];
  }
  const placedAt = parameters.add(order.placedAt, 'timestamptz');
  const customer = order.customer;
  const ctes: string[] = [];
  if (customer !== null) {
    ctes.push(`customer AS (
    INSERT INTO customers AS t (id, program_id, ref_hash, first_order_at)
    VALUES (${parameters.add(customer.id, 'uuid')}, ${c.programId}, ${parameters.add(customer.refHash, 'text')}, ${placedAt})
    ON CONFLICT (program_id, ref_hash) DO UPDATE SET first_order_at = least(t.first_order_at, excluded.first_order_at)
    RETURNING t.id, old.id IS NULL AS is_new)`);
  }
  ctes.push(`placed AS (
    INSERT INTO orders (id, program_id, external_id, customer_id, is_new_customer, currency, amount, attribution, placed_at,
      created_at, updated_at)
    SELECT ${id}, ${c.programId}, ${parameters.add(order.externalId, 'text')},
      ${customer === null ? 'NULL' : '(SELECT id FROM customer)'}, ${parameters.add(order.isNewCustomer, 'boolean')},
      ${parameters.add(order.currency, 'text')}, ${amount}, ${parameters.add({ ...order.attribution }, 'jsonb')}, ${placedAt},
      ${c.now}, ${c.now}
    ON CONFLICT (program_id, external_id) DO NOTHING RETURNING *)`);
  return ctes;
}

const LINE = 'id uuid, product_id uuid, quantity int, amount numeric, commissionable_amount numeric';

const CONVERSION = `id uuid, order_line_id uuid, partner_id uuid, product_id uuid, click_id uuid, referral_code text, sub_id text,
    attribution_model text, attribution_weight numeric, attribution_path jsonb, is_primary boolean, order_amount numeric,
    attributed_amount numeric, quantity int, status text, no_commission_reason text, clicked_at timestamptz,
    idempotency_key text, metadata jsonb, reason text, reason_code text, shop_refund_id text, refund_amount numeric`;

const lineRecord = (line: NewOrderLine): Record<string, unknown> => ({
  id: line.id,
  product_id: line.productId,
  quantity: line.quantity,
  amount: line.amount,
  commissionable_amount: line.commissionableAmount,
});

const conversionRecord = (conversion: NewConversion): Record<string, unknown> => ({
  id: conversion.id,
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
    FROM new_conversion x CROSS JOIN placed p RETURNING *)`;

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
 * The CTEs that write an order's customer, order, lines and conversions (`recorded`) with audit rows and events. A
 * conversion that is confirmed at once is recorded first and confirmed second: two audit rows, two events.
 */
export function newConversions(
  parameters: Parameters,
  c: ContextPlaceholders,
  write: { order: OrderWrite; lines: readonly NewOrderLine[]; conversions: readonly NewConversion[] },
): { ctes: string[]; answers: Record<string, string>; events: string[] } {
  const { order } = write;
  const outbox = (name: string, type: string, data: string, where: string) =>
    outboxInsert(c, name, {
      type: `'conversion.${type}'`,
      subject: `jsonb_build_object('conversionId', r.id, 'partnerId', r.partner_id)`,
      data,
      from: `recorded r ${where}`,
    });
  const confirmedOnly = `WHERE r.status = 'confirmed'`;
  const recordedData = `${conversionEventData('r', 'r', 'NULL')} || jsonb_build_object('after', ${PENDING_STATE})`;
  const ctes = [
    `new_line AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(${parameters.add(write.lines.map(lineRecord), 'jsonb')}) AS x(${LINE}))`,
    ...orderCtes(parameters, c, order),
    `line_rows AS (
    INSERT INTO order_lines (id, program_id, order_id, product_id, quantity, amount, commissionable_amount, created_at)
    SELECT x.id, ${c.programId}, p.id, x.product_id, x.quantity, x.amount, x.commissionable_amount, ${c.now}
    FROM new_line x CROSS JOIN placed p)`,
    `new_conversion AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(${parameters.add(write.conversions.map(conversionRecord), 'jsonb')}) AS x(${CONVERSION}))`,
    INSERT_CONVERSIONS(c),
    `recorded AS (
    SELECT i.*, x.reason, x.reason_code, x.shop_refund_id, x.refund_amount
    FROM recorded_rows i JOIN new_conversion x ON x.id = i.id)`,
    auditInsert(c, 'recorded_audit', RECORDED_AUDIT),
    outbox('recorded_events', 'recorded', recordedData, ''),
    outbox('confirmed_events', 'confirmed', conversionEventData('r', 'r', PENDING_STATE), confirmedOnly),
  ];
  const answers: Record<string, string> = { order_written: requireRows('placed', '1') };
  if (order.customer?.mustBeNew === true) {
    answers['customer_is_new'] = requireRows('customer WHERE is_new', '1');
  }
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
