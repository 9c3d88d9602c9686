import type { OrderAttribution } from '@tributary/schema/tables';

import type { CommandContext, CommandDeps } from '../context.ts';
import { MAX_DECISIONS } from '../lifecycle/max-decisions.ts';
import { compareWithOrder, type OrderConflict } from './compare-order.ts';
import type { OrderInput } from './order-input.ts';
import { extendOrder, placeOrder, planOrders } from './plan-orders.ts';
import type { PolicySource } from './price.ts';
import { findOrder, isKnownCustomer, readLinesOnWire } from './read-order.ts';
import { writeOrder } from './write-orders.ts';

export interface RecordConversionInput extends OrderInput {
  /** Decides who is credited; asked only when the order is new, since an order's attribution is decided once. */
  attribute: (settingsRevision: string) => Promise<OrderAttribution>;
}

/** `conversions` and `commissions` are JSON texts of arrays as the wire shows them. */
export type RecordConversionOutcome =
  | { outcome: 'recorded' | 'repeated'; conversions: string; commissions: string }
  | OrderConflict
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
    const { known, settingsRevision } = await findOrder(deps.db, context.programId, input.orderId);
    const compared = compareWithOrder(known, input);
    if (compared.outcome === 'conflict') return compared;
    if (compared.outcome === 'repeated') {
      const wire = await readLinesOnWire(deps.db, context.programId, compared.lineIds);
      return { outcome: 'repeated', ...wire };
    }
    const order = known
      ? extendOrder(known, input)
      : await placeNew(deps, context.programId, input, settingsRevision);
    const plan = await planOrders(deps, context, [{ order, lines: compared.newLines, input }]);
    const written = await writeOrder(deps, context, plan, compared.lineIds);
    if (written !== undefined) return { outcome: 'recorded', ...written };
    deps.policies.forget(context.programId);
  }
  return { outcome: 'contended' };
}

async function placeNew(deps: Deps, programId: string, input: RecordConversionInput, revision: string) {
  const { customerRefHash } = input;
  const customer = customerRefHash !== null && (await isKnownCustomer(deps.db, programId, customerRefHash));
  return placeOrder(input, { attribution: await input.attribute(revision), customer });
}
