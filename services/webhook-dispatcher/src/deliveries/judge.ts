import type { AttemptResult } from './http-attempt.ts';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import type { Verdict } from './record-attempts.ts';
import { DEFAULT_RETRY_DELAYS_SECONDS, nextAttemptAt } from './schedule.ts';

export interface JudgedAttempt {
  readonly delivery: Pick<ClaimedDelivery, 'attempts' | 'roundStart' | 'retryDelaysSeconds'>;
  readonly result: AttemptResult;
  readonly at: Date;
  readonly random: number;
}

/** What becomes of a delivery after an attempt. */
export function judge({ delivery, result, at, random }: JudgedAttempt): Verdict {
  if (result.ok) return { status: 'delivered' };
  // 410: the receiver says that it is gone for good, and the endpoint is switched off.
  if (result.statusCode === 410) return { status: 'failed' };
  const next = nextAttemptAt({
    attemptsInRound: delivery.attempts + 1 - delivery.roundStart,
    delaysSeconds: delivery.retryDelaysSeconds ?? DEFAULT_RETRY_DELAYS_SECONDS,
    retryAfterSeconds: result.retryAfterSeconds,
    at,
    random,
  });
  return next === undefined
    ? { status: 'failed' }
    : { status: 'pending', retryInMs: next.getTime() - at.getTime() };
}
