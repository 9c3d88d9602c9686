import type { CommandContext, CommandDeps } from '../context.ts';
import { createdOnWire, newCommissions } from '../statement/new-commissions.ts';
import { newConversions, recordedOnWire } from '../statement/new-conversions.ts';
import { addContext, Parameters, type ContextPlaceholders } from '../statement/parameters.ts';
import { policyGuard } from '../statement/policy-guard.ts';
import { eventsInContext, idempotencyInsert } from '../statement/records.ts';
import { composeStatement, runDecided, storedEventsIn, type EventsInContext } from '../statement/run.ts';
import type { OrdersPlan } from './plan-orders.ts';

/** What every statement that records orders is made of. */
function compose(parameters: Parameters, c: ContextPlaceholders, plan: OrdersPlan) {
  const recorded = newConversions(parameters, c, plan);
  const guard = policyGuard(parameters, c, plan.pricing.uses);
  const ctes = [...recorded.ctes, ...guard.ctes, ...newCommissions(parameters, c, plan.pricing.commissions)];
  const events = eventsInContext([...recorded.events, 'created_events']);
  return { ctes, answers: { ...recorded.answers, ...guard.answers, events } };
}

/**
 * Writes one order, and answers what the wire shows of it, together with the lines that it repeats.
 * @returns undefined when what it was decided upon had changed: nothing was written
 */
export async function writeOrder(
  deps: CommandDeps,
  context: CommandContext,
  plan: OrdersPlan,
  repeatedLineIds: readonly string[],
): Promise<{ conversions: string; commissions: string } | undefined> {
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const { ctes, answers } = compose(parameters, c, plan);
  const repeated = repeatedLineIds.length === 0 ? undefined : parameters.add([...repeatedLineIds], 'uuid[]');
  const conversions = recordedOnWire(c, repeated);
  const commissions = createdOnWire(c, repeated);
  const answer = `json_build_object('conversions', ${conversions}, 'commissions', ${commissions})`;
  ctes.push(...idempotencyInsert(parameters, c, context.idempotency, { data: answer, from: 'placed' }));
  const text = composeStatement(ctes, {
    ...answers,
    conversions: `${conversions}::text`,
    commissions: `${commissions}::text`,
  });
  const row = await runDecided<{ conversions: string; commissions: string; events: EventsInContext }>(
    deps.db,
    text,
    parameters,
  );
  if (row === undefined) return undefined;
  deps.publish(storedEventsIn(context, row.events));
  return { conversions: row.conversions, commissions: row.commissions };
}

/**
 * Writes any number of orders, all or none.
 * @returns false when what they were decided upon had changed: nothing was written
 */
export async function writeOrders(
  deps: CommandDeps,
  context: CommandContext,
  plan: OrdersPlan,
): Promise<boolean> {
  const parameters = new Parameters();
  const { ctes, answers } = compose(parameters, addContext(parameters, context), plan);
  const text = composeStatement(ctes, answers);
  const row = await runDecided<{ events: EventsInContext }>(deps.db, text, parameters);
  if (row === undefined) return false;
  deps.publish(storedEventsIn(context, row.events));
  return true;
}
