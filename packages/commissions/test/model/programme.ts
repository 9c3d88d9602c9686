import {
  attributeClicks,
  cancelConversion,
  changeCommission,
  clawBackCommission,
  confirmConversion,
  confirmDueChunk,
  createBonus,
  newId,
  readPolicies,
  recordConversion,
  refundConversion,
  type CommandContext,
  type CommissionCommand,
  type PolicySource,
} from '@tributary/commissions';
import type { Database } from '@tributary/schema';
import { z } from 'zod';

import { textOf } from '../bigint-reference.ts';
import type { Operation } from './operations.ts';
import * as rules from './rules.ts';
import {
  addCommission,
  DECIMALS,
  newState,
  PARTNERS,
  RATE,
  type Currency,
  type ModelCommission,
  type ModelLine,
  type ModelState,
} from './state.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1);

export interface Programme {
  db: Database;
  programId: string;
  partners: string[];
  products: string[];
  state: ModelState;
  orders: number;
}

const CREATE = `
  WITH partner AS (INSERT INTO partners (id, program_id, name, email) SELECT id, $1, 'P', id::text FROM unnest($2::uuid[]) AS id),
    product AS (INSERT INTO products (id, program_id, sku, name, price, currency)
      SELECT id, $1, id::text, 'P', 1, 'USD' FROM unnest($3::uuid[]) AS id),
    policy AS (INSERT INTO commission_policies (id, program_id, code, name) VALUES ($4, $1, 'all', 'All'))
  INSERT INTO commission_policy_versions (program_id, policy_id, version, type, rate, hold_days, effective_from)
  VALUES ($1, $4, 1, 'percentage', $5, $6, '2020-01-01')`;

/** An empty programme of its own in the database. */
export async function openProgramme(db: Database): Promise<Programme> {
  const programId = newId();
  const partners = Array.from({ length: PARTNERS }, newId);
  const products = [newId(), newId()];
  await db.query(CREATE, [programId, partners, products, newId(), RATE.percent, RATE.holdDays]);
  return { db, programId, partners, products, state: newState(), orders: 0 };
}

const contextOf = ({ programId, state }: Programme): CommandContext => ({
  programId,
  actor: { kind: 'system', id: null, name: 'system:model' },
  requestId: null,
  ipAddress: null,
  userAgent: null,
  now: new Date(START + state.day * DAY_MS),
});

function depsOf({ db }: Programme) {
  const policies: PolicySource = { current: (id) => readPolicies(db, id), forget: () => undefined };
  return { db, policies, publish: () => undefined };
}

export const stored = (units: bigint, currency: Currency): string => {
  const text = textOf(units, DECIMALS[currency]);
  return DECIMALS[currency] === 0 ? `${text}.00` : text;
};

const wire = (units: bigint, currency: Currency): number => Number(stored(units, currency));

const rowsSchema = z.array(
  z.looseObject({
    id: z.string(),
    partnerId: z.string(),
    productId: z.string().nullable(),
    originalCommissionId: z.string().nullish(),
  }),
);

/** Gives the model's rows the ids that the real ones have got. */
function bind(
  programme: Programme,
  lines: readonly ModelLine[],
  answer: { conversions: string; commissions: string },
) {
  const conversions = rowsSchema.parse(JSON.parse(answer.conversions));
  const commissions = rowsSchema.parse(JSON.parse(answer.commissions));
  for (const line of lines) {
    for (const part of line.parts) {
      const isOfPart = (row: { partnerId: string; productId: string | null }) =>
        row.partnerId === programme.partners[part.partner] &&
        (line.parts.length === 0 || row.productId === programme.products[line.product]);
      part.id = conversions.find(isOfPart)?.id ?? part.id;
      if (part.commission !== null) part.commission.id ||= commissions.find(isOfPart)?.id ?? '';
    }
  }
}

function bindClawBacks({ state }: Programme, clawbacks: unknown): void {
  for (const row of rowsSchema.parse(clawbacks)) {
    const clawback = state.commissions.find(
      ({ id, original }) => id === '' && original !== null && original.id === row.originalCommissionId,
    );
    if (clawback !== undefined) clawback.id = row.id;
  }
}

/** Carries out one operation in model and programme; answers both outcomes. */
export async function carryOut(
  programme: Programme,
  operation: Operation,
): Promise<{ expected: unknown; actual: unknown }> {
  const { state } = programme;
  switch (operation.do) {
    case 'record':
      return recordOrder(programme, operation);
    case 'bonus':
      return giveBonus(programme, operation);
    case 'payment hold':
      return togglePaymentHold(programme, operation.partner);
    case 'confirm due': {
      state.day += operation.afterDays;
      const expected = rules.confirmDue(state);
      const { confirmed } = await confirmDueChunk(depsOf(programme), contextOf(programme), 1_000);
      return { expected, actual: confirmed };
    }
    case 'settle':
    case 'refund': {
      const line = state.lines[operation.line % Math.max(state.lines.length, 1)];
      if (line === undefined) return { expected: 0, actual: 0 };
      return operation.do === 'settle'
        ? settle(programme, line, operation.how)
        : refund(programme, line, operation);
    }
    case 'adjust':
    case 'act':
    case 'claw back': {
      const commission = state.commissions[operation.commission % Math.max(state.commissions.length, 1)];
      if (commission === undefined) return { expected: 0, actual: 0 };
      return operation.do === 'claw back'
        ? clawBack(programme, commission, operation.percent)
        : changeOne(programme, commission, operation);
    }
  }
}

async function recordOrder(programme: Programme, order: Extract<Operation, { do: 'record' }>) {
  const { currency, model, touches, confirmed } = order;
  const lines = rules.record(programme.state, {
    model,
    touches,
    currency,
    confirmed,
    lines: order.lines.map((line) => {
      const amount = BigInt(line.amount);
      return { amount, commissionable: (amount * BigInt(line.commissionablePercent)) / 100n };
    }),
  });
  programme.orders += 1;
  const { now } = contextOf(programme);
  const recorded = await recordConversion(depsOf(programme), contextOf(programme), {
    orderId: `SO-${programme.orders}`,
    currency,
    placedAt: now,
    customerRefHash: null,
    confirmed,
    lines: lines.map((line) => ({
      productId: programme.products[line.product] ?? '',
      quantity: 1,
      amount: stored(line.amount, currency),
      commissionableAmount: stored(line.commissionable, currency),
    })),
    metadata: {},
    attribute: async () =>
      attributeClicks(
        model,
        touches.map((partner, index) => ({
          clickId: newId(),
          partnerId: programme.partners[partner] ?? '',
          clickedAt: new Date(START + index),
          referralCode: 'CODE',
          subId: null,
        })),
      ),
  });
  if (recorded.outcome === 'recorded') bind(programme, lines, recorded);
  return { expected: 'recorded', actual: recorded.outcome };
}

async function giveBonus(programme: Programme, bonus: Extract<Operation, { do: 'bonus' }>) {
  const { partner, currency } = bonus;
  const amount = BigInt(bonus.amount);
  const commission = addCommission(programme.state, { partner, kind: 'bonus', currency, amount });
  const partnerId = programme.partners[partner] ?? '';
  const input = { partnerId, amount: wire(amount, currency), currency, reason: 'thanks' };
  const given = await createBonus(depsOf(programme), contextOf(programme), input);
  if (given.outcome === 'done')
    commission.id = z.object({ id: z.string() }).parse(JSON.parse(given.commission)).id;
  return { expected: 'done', actual: given.outcome };
}

async function togglePaymentHold({ db, programId, partners, state }: Programme, partner: number) {
  if (!state.onPaymentHold.delete(partner)) state.onPaymentHold.add(partner);
  await db.query('UPDATE partners SET payment_hold = NOT payment_hold WHERE program_id = $1 AND id = $2', [
    programId,
    partners[partner] ?? '',
  ]);
  return { expected: 0, actual: 0 };
}

async function settle(programme: Programme, line: ModelLine, how: 'confirm' | 'cancel') {
  const expected = how === 'confirm' ? rules.confirmLine(programme.state, line) : rules.cancelLine(line);
  const [deps, context] = [depsOf(programme), contextOf(programme)];
  const conversionId = line.parts[0]?.id ?? '';
  const settled =
    how === 'confirm'
      ? await confirmConversion(deps, context, conversionId)
      : await cancelConversion(deps, context, { conversionId, reason: 'model' });
  if (settled.outcome === 'done') bind(programme, [line], settled);
  return { expected, actual: settled.outcome };
}

async function refund(
  programme: Programme,
  line: ModelLine,
  { percent, from }: Extract<Operation, { do: 'refund' }>,
) {
  const again = from === 'shop again' ? line.lastRefund : null;
  const amount = again !== null && percent > 33 ? again.amount : (line.amount * BigInt(percent)) / 100n;
  const shopId = from === 'operator' ? null : (again?.id ?? newId());
  const expected = rules.refundLine(programme.state, line, { amount, shopId });
  const refunded = await refundConversion(depsOf(programme), contextOf(programme), {
    conversionId: line.parts.at(-1)?.id ?? '',
    amount: wire(amount, line.currency),
    reason: 'model',
    shopRefundId: shopId ?? undefined,
  });
  if (refunded.outcome === 'done') bindClawBacks(programme, JSON.parse(refunded.result).clawbacks);
  return { expected, actual: refunded.outcome };
}

async function clawBack(programme: Programme, commission: ModelCommission, percent: number | null) {
  const { currency } = commission;
  const amount = percent === null ? null : (commission.amount * BigInt(percent)) / 100n;
  const expected = rules.clawBack(programme.state, commission, amount);
  const clawed = await clawBackCommission(depsOf(programme), contextOf(programme), {
    commissionId: commission.id,
    amount: amount === null ? undefined : wire(amount, currency),
    reason: 'model',
  });
  if (clawed.outcome === 'done') bindClawBacks(programme, [JSON.parse(clawed.commission)]);
  return { expected, actual: clawed.outcome };
}

async function changeOne(
  programme: Programme,
  commission: ModelCommission,
  operation: Extract<Operation, { do: 'adjust' | 'act' }>,
) {
  const expected =
    operation.do === 'adjust'
      ? rules.adjust(commission, BigInt(operation.amount))
      : rules.act(programme.state, commission, operation.action);
  const changed = await changeCommission(depsOf(programme), contextOf(programme), {
    commissionId: commission.id,
    command: commandOf(operation, commission.currency),
  });
  return { expected, actual: changed.outcome };
}

function commandOf(
  operation: Extract<Operation, { do: 'adjust' | 'act' }>,
  currency: Currency,
): CommissionCommand {
  const reason = 'model';
  if (operation.do === 'adjust') {
    return { action: 'adjust', newAmount: wire(BigInt(operation.amount), currency), reason };
  }
  const { action } = operation;
  return action === 'pay' ? { action, paymentMethod: 'bank', paymentReference: 'TX' } : { action, reason };
}
