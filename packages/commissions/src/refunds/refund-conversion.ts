import type { Database } from '@tributary/schema';

import type { CommandContext, CommandDeps } from '../context.ts';
import { findLineOfConversion, type Line, type LineConversion } from '../conversions/read-line.ts';
import { newId } from '../ids.ts';
import { MAX_DECISIONS } from '../lifecycle/max-decisions.ts';
import type { Reason } from '../lifecycle/decide.ts';
import { compareMoney, negateMoney, parseMoney, ZERO_MONEY, type Money } from '../money/index.ts';
import { clawBackOriginals, decidedClawBacks } from '../statement/claw-back.ts';
import { AFTER_LOCKS, commissionChanges, decidedChanges } from '../statement/commission-changes.ts';
import { conversionChanges } from '../statement/conversion-changes.ts';
import { CREATED_ON_WIRE, newCommissions, type NewCommission } from '../statement/new-commissions.ts';
import { addContext, Parameters, type ContextPlaceholders } from '../statement/parameters.ts';
import { eventsOf, idempotencyInsert } from '../statement/records.ts';
import { composeStatement, requireRows, runDecided, storedEvents } from '../statement/run.ts';
import { commissionWire, conversionWire } from '../statement/wire.ts';
import { decideRefund, type RefundDecision, type RefundPlan, type RefundRequest } from './decide-refund.ts';

export interface RefundInput extends Reason {
  conversionId: string;
  amount: number;
  /** The shop's id of the refund, for a refund that the shop reports; left out when an operator enters one. */
  shopRefundId?: string | undefined;
  /** Refuse unless the conversion still has this version. */
  expectedVersion?: number | undefined;
}

/**
 * `result` is JSON text `{conversion, commission, clawbacks}`: the conversion asked for, its earning, what was clawed back;
 * `version` is the conversion's.
 */
export type RefundOutcome =
  | { outcome: 'done' | 'repeated'; result: string; version: number }
  | Exclude<RefundDecision, RefundPlan>
  | { outcome: 'not_found' }
  | { outcome: 'invalid'; field: string; message: string }
  | { outcome: 'refund_id_reused'; detail: string }
  /** The conversion is at another version than the one that the caller has seen. */
  | { outcome: 'stale'; version: number }
  | { outcome: 'contended' };

/**
 * Refunds part or all of a conversion's line. An operator's refund changes nothing once a commission of the line is paid; a
 * shop's refund is a fact, always recorded, idempotent by its refund id, and claws paid commissions back by the same share.
 */
export async function refundConversion(
  deps: CommandDeps,
  context: CommandContext,
  input: RefundInput,
): Promise<RefundOutcome> {
  for (let attempt = 1; attempt <= MAX_DECISIONS; attempt += 1) {
    const line = await findLineOfConversion(deps.db, context.programId, input.conversionId);
    const asked = line?.conversions.find(({ id }) => id === input.conversionId);
    if (line === undefined || asked === undefined) return { outcome: 'not_found' };
    const parsed = parseMoney(input.amount, line.currency);
    if (!parsed.ok) return { outcome: 'invalid', field: 'refundAmount', message: parsed.message };
    if (compareMoney(parsed.money, ZERO_MONEY) <= 0) {
      return { outcome: 'invalid', field: 'refundAmount', message: 'must be above 0' };
    }
    const earlier = await compareWithEarlier(deps.db, context, { line, asked, input, amount: parsed.money });
    if (earlier !== undefined) return earlier;
    const { reason, reasonCode, shopRefundId, expectedVersion } = input;
    if (expectedVersion !== undefined && asked.version !== expectedVersion) {
      return { outcome: 'stale', version: asked.version };
    }
    const request = { amount: parsed.money, reason, reasonCode, shopRefundId, refundRowId: newId() };
    const decision = decideRefund(line, asked, request);
    if (decision.outcome !== 'refund') return decision;
    const result = await writeRefund(deps, context, { line, plan: decision, request, askedId: asked.id });
    if (result !== undefined) return { outcome: 'done', result, version: asked.version + 1 };
  }
  return { outcome: 'contended' };
}

const EARLIER = `SELECT order_line_id, amount FROM refunds WHERE program_id = $1 AND order_row_id = $2 AND refund_id = $3`;

async function compareWithEarlier(
  db: Database,
  context: CommandContext,
  { line, asked, input, amount }: { line: Line; asked: LineConversion; input: RefundInput; amount: Money },
): Promise<RefundOutcome | undefined> {
  if (input.shopRefundId === undefined) return undefined;
  const params = [context.programId, line.orderRowId, input.shopRefundId];
  const [earlier] = await db.query<{ orderLineId: string; amount: string }>(EARLIER, params);
  if (earlier === undefined) return undefined;
  if (earlier.orderLineId !== line.id || compareMoney(earlier.amount, amount) !== 0) {
    const detail = `Refund ${input.shopRefundId} of order ${line.orderId} was recorded with another line or amount (${earlier.amount}).`;
    return { outcome: 'refund_id_reused', detail };
  }
  const repeated = [context.programId, input.conversionId, input.shopRefundId] satisfies [
    string,
    string,
    string,
  ];
  return { outcome: 'repeated', result: await readRefunded(db, repeated), version: asked.version };
}

const EARNING = (
  conversionId: string,
  programId: string,
) => `(SELECT ${commissionWire('c')} FROM commissions c
    WHERE c.program_id = ${programId} AND c.conversion_id = ${conversionId} AND c.kind = 'earning')`;

const REFUNDED = `SELECT json_build_object(
    'conversion', (SELECT ${conversionWire('v')} FROM conversion_events v WHERE v.program_id = $1 AND v.id = $2),
    'commission', ${EARNING('$2', '$1')},
    'clawbacks', (SELECT coalesce(json_agg(${commissionWire('b')} ORDER BY b.id), '[]'::json)
      FROM conversion_events v
      JOIN conversion_events w ON w.program_id = v.program_id AND w.order_line_id = v.order_line_id
      JOIN commissions e ON e.program_id = w.program_id AND e.conversion_id = w.id AND e.kind = 'earning'
      JOIN commissions b ON b.program_id = e.program_id AND b.original_commission_id = e.id
      WHERE v.program_id = $1 AND v.id = $2 AND b.metadata ->> 'refundId' = $3))::text AS result`;

async function readRefunded(db: Database, params: [string, string, string]): Promise<string> {
  const [row] = await db.query<{ result: string }>(REFUNDED, params);
  return row?.result ?? '{}';
}

interface RefundWrite {
  line: Line;
  plan: RefundPlan;
  request: RefundRequest;
  askedId: string;
}

/** The line is locked first: refunds of one line queue there, and no other command locks a line after a commission. */
function refundCtes(
  parameters: Parameters,
  c: ContextPlaceholders,
  { line, request }: RefundWrite,
): string[] {
  const amount = parameters.add(request.amount, 'numeric');
  return [
    `line AS (
    UPDATE order_lines SET refunded_amount = refunded_amount + ${amount}, version = version + 1
    WHERE program_id = ${c.programId} AND id = ${parameters.add(line.id, 'uuid')}
      AND version = ${parameters.add(line.version, 'int')} AND refunded_amount + ${amount} <= amount RETURNING *)`,
    `order_refunded AS (
    UPDATE orders o SET refunded_amount = o.refunded_amount + ${amount}, updated_at = ${c.now}
    FROM line l WHERE o.program_id = ${c.programId} AND o.id = l.order_id RETURNING o.id)`,
    `refund AS (
    INSERT INTO refunds (id, program_id, order_row_id, order_line_id, refund_id, amount, currency, reason, reason_code, created_at)
    SELECT ${parameters.add(request.refundRowId, 'uuid')}, ${c.programId}, l.order_id, l.id,
      ${parameters.add(request.shopRefundId ?? null, 'text')}, ${amount}, ${parameters.add(line.currency, 'text')},
      ${parameters.add(request.reason, 'text')}, ${parameters.add(request.reasonCode ?? null, 'text')}, ${c.now}
    FROM line l)`,
  ];
}

async function writeRefund(
  deps: CommandDeps,
  context: CommandContext,
  write: RefundWrite,
): Promise<string | undefined> {
  const { line, plan, request } = write;
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const asked = parameters.add(write.askedId, 'uuid');
  const result = `json_build_object(
    'conversion', (SELECT ${conversionWire('r')} FROM conversion_changed r WHERE r.id = ${asked}),
    'commission', coalesce((SELECT ${commissionWire('r')} FROM changed r WHERE r.conversion_id = ${asked}),
      (SELECT ${commissionWire('r')} FROM clawed r WHERE r.conversion_id = ${asked}), ${EARNING(asked, c.programId)}),
    'clawbacks', ${CREATED_ON_WIRE})`;
  const ctes = [
    ...refundCtes(parameters, c, write),
    ...conversionChanges(parameters, c, plan.conversions, 'EXISTS (SELECT FROM line)'),
    decidedClawBacks(parameters, plan.clawBacks),
    ...commissionChanges(c, decidedChanges(parameters, plan.commissions), { alsoLocked: 'claw' }),
    clawBackOriginals(c, AFTER_LOCKS),
    ...newCommissions(parameters, c, clawbacksOf(line, plan, request)),
    ...idempotencyInsert(parameters, c, context.idempotency, { data: result, from: 'line' }),
  ];
  const text = composeStatement(ctes, {
    line_holds: requireRows('line', '1'),
    order_holds: requireRows('order_refunded', '1'),
    conversions_hold: requireRows('conversion_changed', '(SELECT count(*) FROM conversion_change)'),
    commissions_hold: requireRows('changed', '(SELECT count(*) FROM change)'),
    limits_hold: requireRows('clawed', '(SELECT count(*) FROM claw)'),
    result: `${result}::text`,
    events: eventsOf(['conversion_changed_events', 'changed_events', 'created_events']),
  });
  const row = await runDecided<{ result: string; events: unknown[] }>(deps.db, text, parameters);
  if (row === undefined) return undefined;
  deps.publish(storedEvents(row.events));
  return row.result;
}

function clawbacksOf(line: Line, plan: RefundPlan, request: RefundRequest): NewCommission[] {
  return plan.clawBacks.map(({ commissionId, amount, conversion, policy }) => ({
    id: newId(),
    kind: 'clawback',
    action: 'clawed_back',
    partnerId: conversion.partnerId,
    productId: line.productId,
    ...policy,
    conversionId: conversion.id,
    originalCommissionId: commissionId,
    orderId: line.orderId,
    referralCode: conversion.referralCode,
    subId: conversion.subId,
    status: 'confirmed',
    amount: negateMoney(amount),
    orderAmount: '0.00',
    basisLeft: '0.00',
    rate: null,
    currency: line.currency,
    holdUntil: null,
    metadata: { refundId: request.shopRefundId ?? null },
    reason: request.reason,
    reasonCode: request.reasonCode ?? null,
  }));
}
