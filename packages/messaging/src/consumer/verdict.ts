import { DatabaseUnavailableError, sqlState } from '@tributary/schema';

/** Thrown by a handler that knows no repetition will help: the message becomes a dead letter at once. */
export class UnprocessableEventError extends Error {
  override readonly name = 'UnprocessableEventError';
}

/** What becomes of a message whose handler failed. */
export type Verdict = { outcome: 'retry'; delayMs: number } | { outcome: 'dead_letter'; reason: string };

export interface VerdictRules {
  readonly maxDeliver: number;
  readonly backoffMs: readonly number[];
}

/** Serialization failure, deadlock, lock and statement time-outs: the load is to blame, not the message. */
const PASSING_STATES = new Set(['40001', '40P01', '55P03', '57014']);
const MAX_REASON = 1_000;

/** Whether the failure says something about the surroundings and nothing about the message. */
export function isPassing(error: unknown): boolean {
  return error instanceof DatabaseUnavailableError || PASSING_STATES.has(sqlState(error) ?? '');
}

/**
 * Decides on a failed delivery. An outage of Postgres is repeated for as long as it lasts: giving up on every message
 * that came by meanwhile would turn an outage into a loss.
 */
export function judgeFailure(error: unknown, deliveries: number, rules: VerdictRules): Verdict {
  if (isPassing(error)) return { outcome: 'retry', delayMs: delayBefore(deliveries, rules.backoffMs) };
  if (error instanceof UnprocessableEventError) return { outcome: 'dead_letter', reason: describe(error) };
  if (deliveries >= rules.maxDeliver) {
    return { outcome: 'dead_letter', reason: `failed ${deliveries} times: ${describe(error)}` };
  }
  return { outcome: 'retry', delayMs: delayBefore(deliveries, rules.backoffMs) };
}

function delayBefore(deliveries: number, backoffMs: readonly number[]): number {
  return backoffMs[Math.min(deliveries, backoffMs.length) - 1] ?? 0;
}

function describe(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, MAX_REASON);
}
