import type { ConversionStatus } from '@tributary/schema';

import type { CommandContext, CommandDeps } from '../context.ts';
import { newId } from '../ids.ts';
import { MAX_DECISIONS } from '../lifecycle/max-decisions.ts';
import type { Reason } from '../lifecycle/decide.ts';
import { compareMoney, subtractMoney, ZERO_MONEY } from '../money/index.ts';
import { commissionChanges, decidedChanges, type CommissionChange } from '../statement/commission-changes.ts';
import {
  conversionChanges,
  CONVERSIONS_CHANGED_ON_WIRE,
  type ConversionChange,
} from '../statement/conversion-changes.ts';
import { CREATED_ON_WIRE, newCommissions } from '../statement/new-commissions.ts';
import { addContext, Parameters } from '../statement/parameters.ts';
import { policyGuard } from '../statement/policy-guard.ts';
import { eventsOf, idempotencyInsert } from '../statement/records.ts';
import { composeStatement, requireRows, runDecided, storedEvents } from '../statement/run.ts';
import { commissionWire } from '../statement/wire.ts';
import { priceConversions, type PolicySource, type Pricing } from './price.ts';
import { findLineOfConversion, type Line } from './read-line.ts';

/**
 * `conversions` and `commissions` are JSON texts of arrays: every row of the line, the primary conversion first; `version` is that
 * of the conversion asked for.
 */
export type SettleOutcome =
  | { outcome: 'done'; conversions: string; commissions: string; version: number }
  | { outcome: 'not_found' }
  /** The conversion is at another version than the one that the caller has seen. */
  | { outcome: 'stale'; version: number }
  | {
      outcome: 'refused';
      code: SettleRefusal;
      detail: string;
      status: ConversionStatus;
      allowed: readonly ConversionStatus[];
    }
  | { outcome: 'contended' };

export type SettleRefusal = 'CONVERSION_NOT_PENDING' | 'CONVERSION_ENDED' | 'COMMISSION_ALREADY_PAID';

const CONFIRMABLE: readonly ConversionStatus[] = ['pending'];
const CANCELLABLE: readonly ConversionStatus[] = ['pending', 'confirmed', 'partial_refund'];

type Written = { conversions: string; commissions: string } | undefined;

/** Why something was done, where nobody has to say. */
type PerhapsReason = { [Part in keyof Reason]?: Reason[Part] | undefined };

export interface SettleInput {
  conversionId: string;
  /** Refuse unless the conversion still has this version. */
  expectedVersion?: number | undefined;
}

/**
 * Confirms all conversions of a line and creates their commissions, priced on what refunds have left of it. A reason, which nobody
 * has to give, stands in the history of both.
 */
export async function confirmConversion(
  deps: CommandDeps & { policies: PolicySource },
  context: CommandContext,
  input: SettleInput & PerhapsReason,
): Promise<SettleOutcome> {
  for (let attempt = 1; attempt <= MAX_DECISIONS; attempt += 1) {
    const found = await findSettled(deps, context, input);
    if ('outcome' in found) return found;
    const { line, version } = found;
    const refused = refuseStatus(line, CONFIRMABLE, 'CONVERSION_NOT_PENDING', 'confirmed');
    if (refused !== undefined) return refused;
    const pricing = await priceLine(deps, context, line);
    const written = await writeConfirmation(deps, context, line, { pricing, why: input });
    if (written !== undefined) return { outcome: 'done', ...written, version: version + 1 };
    deps.policies.forget(context.programId);
  }
  return { outcome: 'contended' };
}

/** Cancels all conversions of a line and their commissions; refused when one of these is paid. */
export async function cancelConversion(
  deps: CommandDeps,
  context: CommandContext,
  input: SettleInput & Reason,
): Promise<SettleOutcome> {
  for (let attempt = 1; attempt <= MAX_DECISIONS; attempt += 1) {
    const found = await findSettled(deps, context, input);
    if ('outcome' in found) return found;
    const { line, version } = found;
    const refused = refuseStatus(line, CANCELLABLE, 'CONVERSION_ENDED', 'cancelled') ?? refusePaid(line);
    if (refused !== undefined) return refused;
    const written = await writeCancellation(deps, context, line, input);
    if (written !== undefined) return { outcome: 'done', ...written, version: version + 1 };
  }
  return { outcome: 'contended' };
}

/** The line of the conversion asked for, and that conversion's version. */
async function findSettled(
  { db }: CommandDeps,
  { programId }: CommandContext,
  { conversionId, expectedVersion }: SettleInput,
): Promise<{ line: Line; version: number } | Extract<SettleOutcome, { outcome: 'not_found' | 'stale' }>> {
  const line = await findLineOfConversion(db, programId, conversionId);
  const asked = line?.conversions.find(({ id }) => id === conversionId);
  if (line === undefined || asked === undefined) return { outcome: 'not_found' };
  const { version } = asked;
  return expectedVersion === undefined || expectedVersion === version
    ? { line, version }
    : { outcome: 'stale', version };
}

function refuseStatus(
  line: Line,
  allowed: readonly ConversionStatus[],
  code: SettleRefusal,
  done: string,
): SettleOutcome | undefined {
  const other = line.conversions.find((conversion) => !allowed.includes(conversion.status));
  if (other === undefined) return undefined;
  const detail = `The conversion is ${other.status}; to be ${done} it must be ${allowed.join(' or ')}.`;
  return { outcome: 'refused', code, detail, status: other.status, allowed };
}

function refusePaid(line: Line): SettleOutcome | undefined {
  const paid = line.conversions.find((conversion) => conversion.commission?.status === 'paid');
  if (paid === undefined) return undefined;
  const detail = `Commission ${paid.commission?.id ?? ''} of this order line is paid and cannot be cancelled; claw it back instead.`;
  return {
    outcome: 'refused',
    code: 'COMMISSION_ALREADY_PAID',
    detail,
    status: paid.status,
    allowed: CANCELLABLE,
  };
}

function priceLine(
  deps: CommandDeps & { policies: PolicySource },
  context: CommandContext,
  line: Line,
): Promise<Pricing> {
  const lineLeft = subtractMoney(line.amount, line.refundedAmount);
  const conversions = line.conversions.map((conversion) => ({
    id: conversion.id,
    commissionId: newId(),
    partnerId: conversion.partnerId,
    productId: line.productId,
    orderId: line.orderId,
    referralCode: conversion.referralCode,
    subId: conversion.subId,
    currency: line.currency,
    lineAmount: line.amount,
    lineLeft,
    commissionableAmount: line.commissionableAmount,
    attributedAmount: conversion.attributedAmount,
    weight: conversion.weight,
    quantity: line.quantity,
    isNewCustomer: line.isNewCustomer,
  }));
  return priceConversions(deps, { programId: context.programId, now: context.now, conversions });
}

/** Of why something was done what was said. */
const givenOf = ({ reason, reasonCode }: PerhapsReason) => ({
  ...(reason === undefined ? {} : { reason }),
  ...(reasonCode === undefined ? {} : { reasonCode }),
});

async function writeConfirmation(
  deps: CommandDeps,
  context: CommandContext,
  line: Line,
  { pricing, why }: { pricing: Pricing; why: PerhapsReason },
): Promise<Written> {
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const status = compareMoney(line.refundedAmount, ZERO_MONEY) === 0 ? 'confirmed' : 'partial_refund';
  const changes = line.conversions.map((conversion): ConversionChange => {
    const noCommissionReason = pricing.withoutCommission.get(conversion.id);
    return {
      id: conversion.id,
      version: conversion.version,
      action: 'confirmed',
      status,
      ...(noCommissionReason === undefined ? {} : { noCommissionReason }),
      ...givenOf(why),
    };
  });
  const answer = `json_build_object('conversions', ${CONVERSIONS_CHANGED_ON_WIRE}, 'commissions', ${CREATED_ON_WIRE})`;
  const guard = policyGuard(parameters, c, pricing.uses);
  const ctes = [
    ...conversionChanges(parameters, c, changes),
    ...guard.ctes,
    ...newCommissions(
      parameters,
      c,
      pricing.commissions.map((commission) => ({ ...commission, ...givenOf(why) })),
    ),
    ...idempotencyInsert(parameters, c, context.idempotency, { data: answer, from: 'conversion_changed' }),
  ];
  const text = composeStatement(ctes, {
    conversions_hold: requireRows('conversion_changed', '(SELECT count(*) FROM conversion_change)'),
    ...guard.answers,
    conversions: `${CONVERSIONS_CHANGED_ON_WIRE}::text`,
    commissions: `${CREATED_ON_WIRE}::text`,
    events: eventsOf(['conversion_changed_events', 'created_events']),
  });
  return runSettlement(deps, text, parameters);
}

async function writeCancellation(
  deps: CommandDeps,
  context: CommandContext,
  line: Line,
  reason: Reason,
): Promise<Written> {
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const why = givenOf(reason);
  const conversions = line.conversions.map(({ id, version }): ConversionChange => ({
    id,
    version,
    action: 'cancelled',
    status: 'cancelled',
    ...why,
  }));
  const metadata = { cancelledBy: context.actor.name, cancellationReason: reason.reason };
  const commissions = line.conversions.flatMap(({ commission }): CommissionChange[] =>
    commission === null || commission.status === 'cancelled'
      ? []
      : [
          {
            id: commission.id,
            version: commission.version,
            action: 'cancelled',
            status: 'cancelled',
            metadata,
            ...why,
          },
        ],
  );
  const changedCommissions = `(SELECT coalesce(json_agg(${commissionWire('r')} ORDER BY r.id), '[]'::json) FROM changed r)`;
  const answer = `json_build_object('conversions', ${CONVERSIONS_CHANGED_ON_WIRE}, 'commissions', ${changedCommissions})`;
  const ctes = [
    ...conversionChanges(parameters, c, conversions),
    ...commissionChanges(c, decidedChanges(parameters, commissions)),
    ...idempotencyInsert(parameters, c, context.idempotency, { data: answer, from: 'conversion_changed' }),
  ];
  const text = composeStatement(ctes, {
    conversions_hold: requireRows('conversion_changed', '(SELECT count(*) FROM conversion_change)'),
    commissions_hold: requireRows('changed', '(SELECT count(*) FROM change)'),
    conversions: `${CONVERSIONS_CHANGED_ON_WIRE}::text`,
    commissions: `${changedCommissions}::text`,
    events: eventsOf(['conversion_changed_events', 'changed_events']),
  });
  return runSettlement(deps, text, parameters);
}

async function runSettlement(deps: CommandDeps, text: string, parameters: Parameters): Promise<Written> {
  const row = await runDecided<{ conversions: string; commissions: string; events: unknown[] }>(
    deps.db,
    text,
    parameters,
  );
  if (row === undefined) return undefined;
  deps.publish(storedEvents(row.events));
  return { conversions: row.conversions, commissions: row.commissions };
}
