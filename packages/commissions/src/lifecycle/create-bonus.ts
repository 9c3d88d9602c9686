import { isCurrency, type PartnerStatus } from '@tributary/schema';

import type { CommandContext, CommandDeps } from '../context.ts';
import { newId } from '../ids.ts';
import { compareMoney, parseMoney, ZERO_MONEY } from '../money/index.ts';
import { CREATED_ON_WIRE, newCommissions } from '../statement/new-commissions.ts';
import { addContext, Parameters } from '../statement/parameters.ts';
import { eventsOf, idempotencyInsert } from '../statement/records.ts';
import { composeStatement, runStatement, storedEvents } from '../statement/run.ts';
import type { Reason } from './decide.ts';

export interface BonusInput extends Reason {
  partnerId: string;
  amount: number;
  currency: string;
}

/** `commission` is the JSON text of the bonus. */
export type BonusOutcome =
  | { outcome: 'done'; commission: string }
  | { outcome: 'partner_not_found' }
  | { outcome: 'invalid'; field: string; message: string };

/** Creates a confirmed commission by hand, of kind `bonus`: how an underpayment after `paid` is put right. */
export async function createBonus(
  deps: CommandDeps,
  context: CommandContext,
  input: BonusInput,
): Promise<BonusOutcome> {
  if (!isCurrency(input.currency)) {
    return { outcome: 'invalid', field: 'currency', message: 'must be a currency with at most two decimals' };
  }
  const parsed = parseMoney(input.amount, input.currency);
  if (!parsed.ok) return { outcome: 'invalid', field: 'amount', message: parsed.message };
  if (compareMoney(parsed.money, ZERO_MONEY) <= 0) {
    return { outcome: 'invalid', field: 'amount', message: 'must be above 0' };
  }
  const [partner] = await deps.db.query<{ status: PartnerStatus }>(
    'SELECT status FROM partners WHERE program_id = $1 AND id = $2',
    [context.programId, input.partnerId],
  );
  if (partner === undefined) return { outcome: 'partner_not_found' };
  return { outcome: 'done', commission: await writeBonus(deps, context, { ...input, money: parsed.money }) };
}

async function writeBonus(
  deps: CommandDeps,
  context: CommandContext,
  bonus: BonusInput & { money: string },
): Promise<string> {
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const commission = {
    id: newId(),
    kind: 'bonus' as const,
    action: 'created' as const,
    partnerId: bonus.partnerId,
    productId: null,
    policyId: null,
    policyVersion: null,
    policyType: null,
    conversionId: null,
    originalCommissionId: null,
    orderId: null,
    referralCode: null,
    subId: null,
    status: 'confirmed' as const,
    amount: bonus.money,
    orderAmount: '0.00',
    basisLeft: '0.00',
    rate: null,
    currency: bonus.currency,
    holdUntil: null,
    metadata: {},
    reason: bonus.reason,
    reasonCode: bonus.reasonCode ?? null,
  };
  const answer = `(${CREATED_ON_WIRE} -> 0)`;
  const ctes = [
    ...newCommissions(parameters, c, [commission]),
    ...idempotencyInsert(parameters, c, context.idempotency, { data: answer, from: 'created' }),
  ];
  const text = composeStatement(ctes, {
    commission: `${answer}::text`,
    events: eventsOf(['created_events']),
  });
  const row = await runStatement<{ commission: string; events: unknown[] }>(deps.db, text, parameters);
  if (row === undefined) throw new Error('a bonus was not written');
  deps.publish(storedEvents(row.events));
  return row.commission;
}
