import type { OrderAttribution } from '@tributary/schema/tables';

import { shareAmount } from '../attribution/index.ts';
import type { CommandContext, CommandDeps } from '../context.ts';
import { newId } from '../ids.ts';
import { MAX_DECISIONS } from '../lifecycle/max-decisions.ts';
import { compareMoney, type Money } from '../money/index.ts';
import { createdOnWire, newCommissions } from '../statement/new-commissions.ts';
import {
  newConversions,
  recordedOnWire,
  type NewConversion,
  type NewOrderLine,
  type OrderWrite,
} from '../statement/new-conversions.ts';
import { addContext, Parameters } from '../statement/parameters.ts';
import { policyGuard } from '../statement/policy-guard.ts';
import { eventsOf, idempotencyInsert } from '../statement/records.ts';
import { composeStatement, runDecided, storedEvents } from '../statement/run.ts';
import { priceConversions, type PolicySource, type PricedConversion, type Pricing } from './price.ts';
import { findOrder, isKnownCustomer, readLinesOnWire, type RecordedOrder } from './read-order.ts';

/** One line of an order as a shop posts it, checked; amounts are decimal text in the order's currency. */
export interface OrderLineInput {
  productId: string;
  quantity: number;
  amount: Money;
  commissionableAmount: Money;
}

export interface RecordConversionInput {
  /** The shop's own order id. */
  orderId: string;
  currency: string;
  placedAt: Date;
  customerRefHash: string | null;
  /** What the shop says; otherwise a customer is new when no earlier order of it is known. */
  isNewCustomer?: boolean | undefined;
  confirmed: boolean;
  lines: readonly OrderLineInput[];
  metadata: Record<string, unknown>;
  /** Decides who is credited; asked only when the order is new, since an order's attribution is decided once. */
  attribute: () => Promise<OrderAttribution>;
}

/** `conversions` and `commissions` are JSON texts of arrays as the wire shows them. */
export type RecordConversionOutcome =
  | { outcome: 'recorded' | 'repeated'; conversions: string; commissions: string }
  | { outcome: 'conflict'; field: 'currency' | 'amount'; detail: string }
  | { outcome: 'contended' };

type Deps = CommandDeps & { policies: PolicySource };

/**
 * Records an order's lines as conversions of the partners credited for it, and, for a confirmed one, their commissions:
 * customer, order, lines, conversions, commissions, entries, audit rows and events in one statement. Idempotent on order
 * and product: the same again answers the first, another amount or currency is a conflict.
 */
export async function recordConversion(
  deps: Deps,
  context: CommandContext,
  input: RecordConversionInput,
): Promise<RecordConversionOutcome> {
  for (let attempt = 1; attempt <= MAX_DECISIONS; attempt += 1) {
    const order = await findOrder(deps.db, context.programId, input.orderId);
    const compared = compareWithOrder(order, input);
    if (compared.outcome === 'conflict') return compared;
    if (compared.outcome === 'repeated') {
      const wire = await readLinesOnWire(deps.db, context.programId, compared.lineIds);
      return { outcome: 'repeated', ...wire };
    }
    const plan = await planOrder(deps, context, input, { order, lines: compared.newLines });
    const written = await writeOrder(deps, context, { ...plan, repeatedLineIds: compared.lineIds });
    if (written !== undefined) return { outcome: 'recorded', ...written };
    deps.policies.forget(context.programId);
  }
  return { outcome: 'contended' };
}

type Comparison =
  | { outcome: 'conflict'; field: 'currency' | 'amount'; detail: string }
  | { outcome: 'repeated'; lineIds: string[] }
  | { outcome: 'new'; newLines: OrderLineInput[]; lineIds: string[] };

function compareWithOrder(order: RecordedOrder | undefined, input: RecordConversionInput): Comparison {
  if (order === undefined) return { outcome: 'new', newLines: [...input.lines], lineIds: [] };
  if (order.currency !== input.currency) {
    const detail = `Order ${input.orderId} was recorded in ${order.currency}, not in ${input.currency}.`;
    return { outcome: 'conflict', field: 'currency', detail };
  }
  const byProduct = new Map(order.lines.map((line) => [line.productId, line]));
  const newLines: OrderLineInput[] = [];
  const lineIds: string[] = [];
  for (const line of input.lines) {
    const recorded = byProduct.get(line.productId);
    if (recorded === undefined) newLines.push(line);
    else if (compareMoney(recorded.amount, line.amount) === 0) lineIds.push(recorded.id);
    else {
      const detail = `Order ${input.orderId} has this product recorded with ${recorded.amount}, not with ${line.amount}.`;
      return { outcome: 'conflict', field: 'amount', detail };
    }
  }
  return newLines.length === 0 ? { outcome: 'repeated', lineIds } : { outcome: 'new', newLines, lineIds };
}

interface Plan {
  order: OrderWrite;
  lines: NewOrderLine[];
  conversions: NewConversion[];
  pricing: Pricing;
}

async function planOrder(
  deps: Deps,
  context: CommandContext,
  input: RecordConversionInput,
  known: { order: RecordedOrder | undefined; lines: readonly OrderLineInput[] },
): Promise<Plan> {
  const order = known.order ? extendOrder(known.order, input) : await placeOrder(deps, context, input);
  const lines = known.lines.map((line) => ({ id: newId(), ...line }));
  const rows = lines.flatMap((line) => creditLine(order, line, input));
  const priced = rows.map(({ priced }) => priced);
  const pricing = input.confirmed
    ? await priceConversions(deps, { programId: context.programId, now: context.now, conversions: priced })
    : { commissions: [], uses: [], withoutCommission: new Map<string, string>() };
  const conversions = rows.map(({ conversion }) => ({
    ...conversion,
    noCommissionReason: pricing.withoutCommission.get(conversion.id) ?? null,
  }));
  return { order, lines, conversions, pricing };
}

function extendOrder(order: RecordedOrder, input: RecordConversionInput): OrderWrite {
  const { id, version, attribution, isNewCustomer, currency } = order;
  const placedAt = input.placedAt.toISOString();
  return {
    id,
    version,
    externalId: input.orderId,
    currency,
    placedAt,
    attribution,
    isNewCustomer,
    customer: null,
  };
}

async function placeOrder(
  deps: Deps,
  context: CommandContext,
  input: RecordConversionInput,
): Promise<OrderWrite> {
  const refHash = input.customerRefHash;
  const known = refHash !== null && (await isKnownCustomer(deps.db, context.programId, refHash));
  const isNewCustomer = input.isNewCustomer ?? !known;
  return {
    id: newId(),
    version: null,
    externalId: input.orderId,
    currency: input.currency,
    placedAt: input.placedAt.toISOString(),
    attribution: await input.attribute(),
    isNewCustomer,
    customer:
      refHash === null
        ? null
        : { id: newId(), refHash, mustBeNew: input.isNewCustomer === undefined && isNewCustomer },
  };
}

function creditLine(
  order: OrderWrite,
  line: NewOrderLine,
  input: RecordConversionInput,
): { conversion: NewConversion; priced: PricedConversion }[] {
  const { attribution, currency, externalId } = order;
  const { credits, model, path } = attribution;
  if (credits.length === 0) return [];
  const shares = shareAmount(line.commissionableAmount, currency, credits);
  return credits.map((credit, index) => {
    const id = newId();
    const { partnerId, clickId, referralCode, subId, clickedAt, isPrimary, weight } = credit;
    const attributedAmount = shares[index] ?? '0.00';
    const { productId, quantity } = line;
    const conversion: NewConversion = {
      id,
      orderLineId: line.id,
      partnerId,
      productId,
      clickId,
      referralCode,
      subId,
      model,
      weight,
      path,
      isPrimary,
      orderAmount: line.amount,
      attributedAmount,
      quantity,
      status: input.confirmed ? 'confirmed' : 'pending',
      noCommissionReason: null,
      clickedAt,
      idempotencyKey: `${externalId}:${productId}:${partnerId}`,
      metadata: input.metadata,
    };
    const priced: PricedConversion = {
      id,
      commissionId: newId(),
      partnerId,
      productId,
      orderId: externalId,
      referralCode,
      subId,
      currency,
      lineAmount: line.amount,
      lineLeft: line.amount,
      commissionableAmount: line.commissionableAmount,
      attributedAmount,
      weight,
      quantity,
      isNewCustomer: order.isNewCustomer,
    };
    return { conversion, priced };
  });
}

async function writeOrder(
  deps: Deps,
  context: CommandContext,
  plan: Plan & { repeatedLineIds: readonly string[] },
): Promise<{ conversions: string; commissions: string } | undefined> {
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const recorded = newConversions(parameters, c, plan);
  const guard = policyGuard(parameters, c, plan.pricing.uses);
  const { repeatedLineIds } = plan;
  const repeated = repeatedLineIds.length === 0 ? undefined : parameters.add([...repeatedLineIds], 'uuid[]');
  const conversions = recordedOnWire(c, repeated);
  const commissions = createdOnWire(c, repeated);
  const answer = `json_build_object('conversions', ${conversions}, 'commissions', ${commissions})`;
  const ctes = [
    ...recorded.ctes,
    ...guard.ctes,
    ...newCommissions(parameters, c, plan.pricing.commissions),
    ...idempotencyInsert(parameters, c, context.idempotency, { data: answer, from: 'placed' }),
  ];
  const text = composeStatement(ctes, {
    ...recorded.answers,
    ...guard.answers,
    conversions: `${conversions}::text`,
    commissions: `${commissions}::text`,
    events: eventsOf([...recorded.events, 'created_events']),
  });
  const row = await runDecided<{ conversions: string; commissions: string; events: unknown[] }>(
    deps.db,
    text,
    parameters,
  );
  if (row === undefined) return undefined;
  deps.publish(storedEvents(row.events));
  return { conversions: row.conversions, commissions: row.commissions };
}
