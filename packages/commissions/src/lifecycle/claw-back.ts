import type { CommissionKind, CommissionStatus, PolicyType } from '@tributary/schema';

import type { CommandContext, CommandDeps } from '../context.ts';
import { newId } from '../ids.ts';
import {
  compareMoney,
  negateMoney,
  parseMoney,
  subtractMoney,
  ZERO_MONEY,
  type Money,
} from '../money/index.ts';
import { clawBackOriginals, decidedClawBacks } from '../statement/claw-back.ts';
import { CREATED_ON_WIRE, newCommissions, type NewCommission } from '../statement/new-commissions.ts';
import { addContext, Parameters } from '../statement/parameters.ts';
import { eventsOf, idempotencyInsert } from '../statement/records.ts';
import { composeStatement, requireRows, runDecided, storedEvents } from '../statement/run.ts';
import { MAX_DECISIONS } from './max-decisions.ts';
import type { Reason } from './decide.ts';

export interface ClawBackInput extends Reason {
  commissionId: string;
  /** Left out: all that is not clawed back yet. */
  amount?: number | undefined;
  expectedVersion?: number | undefined;
}

/** `commission` is the JSON text of the claw-back. */
export type ClawBackOutcome =
  | { outcome: 'done'; commission: string }
  | { outcome: 'not_found' }
  | { outcome: 'stale'; version: number }
  | { outcome: 'invalid'; field: string; message: string }
  | {
      outcome: 'refused';
      code: ClawBackRefusal;
      detail: string;
      status: CommissionStatus;
      allowed: readonly CommissionStatus[];
    }
  | { outcome: 'contended' };

export type ClawBackRefusal = 'COMMISSION_NOT_PAID' | 'COMMISSION_IS_CLAWBACK' | 'CLAWBACK_EXCEEDS_PAID';

interface PaidCommission {
  id: string;
  version: number;
  kind: CommissionKind;
  status: CommissionStatus;
  partnerId: string;
  productId: string | null;
  policyId: string | null;
  policyVersion: number | null;
  policyType: PolicyType | null;
  conversionId: string | null;
  orderId: string | null;
  referralCode: string | null;
  subId: string | null;
  commissionAmount: string;
  clawedBackAmount: string;
  currency: string;
}

const ORIGINAL = `
  SELECT id, version, kind, status, partner_id, product_id, policy_id, policy_version, policy_type, conversion_id, order_id,
    referral_code, sub_id, commission_amount, clawed_back_amount, currency
  FROM commissions WHERE program_id = $1 AND id = $2`;

/** Takes back part or all of a paid commission by a new one of negative amount; in sum never more than was paid. */
export async function clawBackCommission(
  deps: CommandDeps,
  context: CommandContext,
  input: ClawBackInput,
): Promise<ClawBackOutcome> {
  for (let attempt = 1; attempt <= MAX_DECISIONS; attempt += 1) {
    const [original] = await deps.db.query<PaidCommission>(ORIGINAL, [context.programId, input.commissionId]);
    if (original === undefined) return { outcome: 'not_found' };
    if (input.expectedVersion !== undefined && input.expectedVersion !== original.version) {
      return { outcome: 'stale', version: original.version };
    }
    const decision = decideClawBack(original, input);
    if (decision.outcome !== 'claw_back') return decision;
    const commission = await writeClawBack(deps, context, { original, amount: decision.amount, input });
    if (commission !== undefined) return { outcome: 'done', commission };
  }
  return { outcome: 'contended' };
}

type ClawBackDecision =
  | { outcome: 'claw_back'; amount: Money }
  | Extract<ClawBackOutcome, { outcome: 'refused' | 'invalid' }>;

function decideClawBack(original: PaidCommission, input: ClawBackInput): ClawBackDecision {
  const refuse = (code: ClawBackRefusal, detail: string): ClawBackDecision => ({
    outcome: 'refused',
    code,
    detail,
    status: original.status,
    allowed: ['paid'],
  });
  if (original.kind === 'clawback') {
    return refuse('COMMISSION_IS_CLAWBACK', 'A claw-back cannot itself be clawed back.');
  }
  if (original.status !== 'paid') {
    return refuse(
      'COMMISSION_NOT_PAID',
      `The commission is ${original.status}; only a paid one can be clawed back.`,
    );
  }
  const left = subtractMoney(original.commissionAmount, original.clawedBackAmount);
  if (input.amount === undefined && compareMoney(left, ZERO_MONEY) === 0) {
    return refuse('CLAWBACK_EXCEEDS_PAID', 'All of the commission is clawed back already.');
  }
  if (input.amount === undefined) return { outcome: 'claw_back', amount: left };
  const parsed = parseMoney(input.amount, original.currency);
  if (!parsed.ok) return { outcome: 'invalid', field: 'amount', message: parsed.message };
  if (compareMoney(parsed.money, ZERO_MONEY) <= 0) {
    return { outcome: 'invalid', field: 'amount', message: 'must be above 0' };
  }
  if (compareMoney(parsed.money, left) > 0) {
    return refuse('CLAWBACK_EXCEEDS_PAID', `Only ${left} ${original.currency} of it is left to claw back.`);
  }
  return { outcome: 'claw_back', amount: parsed.money };
}

async function writeClawBack(
  deps: CommandDeps,
  context: CommandContext,
  write: { original: PaidCommission; amount: Money; input: ClawBackInput },
): Promise<string | undefined> {
  const { original, amount, input } = write;
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const { id: originalCommissionId, version: _version, kind: _kind, status: _status, ...linked } = original;
  const clawback: NewCommission = {
    id: newId(),
    kind: 'clawback',
    action: 'clawed_back',
    ...linked,
    originalCommissionId,
    status: 'confirmed',
    amount: negateMoney(amount),
    orderAmount: '0.00',
    basisLeft: '0.00',
    rate: null,
    holdUntil: null,
    metadata: {},
    reason: input.reason,
    reasonCode: input.reasonCode ?? null,
  };
  const answer = `(${CREATED_ON_WIRE} -> 0)`;
  const ctes = [
    decidedClawBacks(parameters, [{ commissionId: original.id, amount }]),
    clawBackOriginals(c),
    ...newCommissions(parameters, c, [clawback]),
    ...idempotencyInsert(parameters, c, context.idempotency, { data: answer, from: 'clawed' }),
  ];
  const text = composeStatement(ctes, {
    limit_holds: requireRows('clawed', '1'),
    commission: `${answer}::text`,
    events: eventsOf(['created_events']),
  });
  const row = await runDecided<{ commission: string; events: unknown[] }>(deps.db, text, parameters);
  if (row === undefined) return undefined;
  deps.publish(storedEvents(row.events));
  return row.commission;
}
