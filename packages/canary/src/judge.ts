import type { Work } from './figures/work.ts';
import { LIMITS } from './limits.ts';

/** What the gateway saw of one release over a stretch of time. */
export interface Window {
  readonly requests: number;
  /** Answers of 500 and above, and those that never came. */
  readonly errors: number;
  /** Requests that took at most so many seconds, by upper bound, rising; the last is Infinity. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
}

export const EMPTY_WINDOW: Window = { requests: 0, errors: 0, buckets: [] };

export type Verdict =
  | { readonly kind: 'good'; readonly says: string }
  | { readonly kind: 'too_few'; readonly says: string }
  | { readonly kind: 'bad'; readonly says: string };

/** A 95th percentile of fewer is one or two requests. */
const MIN_STABLE_REQUESTS = 50;

/** The value below which a share `q` of the requests lies, interpolated within its bucket as Prometheus does. */
export function quantile(q: number, { buckets }: Pick<Window, 'buckets'>): number | undefined {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total <= 0) return undefined;
  const rank = q * total;
  let [lowerBound, lowerCount] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank) {
      if (bound === Infinity) return lowerBound;
      const within = count === lowerCount ? 1 : (rank - lowerCount) / (count - lowerCount);
      return lowerBound + (bound - lowerBound) * within;
    }
    [lowerBound, lowerCount] = [bound, count];
  }
  return undefined;
}

/** Compares the candidate with the stable release; judges by nothing until the candidate had `minRequests`. */
export function judge(canary: Window, stable: Window, minRequests: number): Verdict {
  const rate = canary.requests === 0 ? 0 : canary.errors / canary.requests;
  const slow = quantile(0.95, canary);
  const usual = stable.requests < MIN_STABLE_REQUESTS ? undefined : quantile(0.95, stable);
  const says = describe(canary.requests, rate, slow, usual);
  if (canary.requests < minRequests) return { kind: 'too_few', says };
  if (rate > LIMITS.maxErrorRate) return { kind: 'bad', says: `${says}: more than 5 % errors` };
  const isSlow =
    slow !== undefined &&
    usual !== undefined &&
    slow > usual * LIMITS.maxTimesAsSlow &&
    slow - usual > LIMITS.minSlowerSeconds;
  return isSlow ? { kind: 'bad', says: `${says}: more than twice as slow` } : { kind: 'good', says };
}

/**
 * Compares what a candidate's consumers and jobs did with what they failed at since an earlier reading. One that ends
 * meanwhile is bad, whatever it counts: a process that crashes over and over counts from nothing each time.
 */
export function judgeWork(before: Work, now: Work): Verdict {
  if (now.startedAt !== before.startedAt)
    return { kind: 'bad', says: 'the candidate was restarted while its workers ran' };
  if (!now.isRunning)
    return { kind: 'bad', says: 'the consumers and jobs of the candidate ended before they were told to' };
  const done = now.done - before.done;
  const failed = now.failed - before.failed;
  const says = `${done + failed} events and jobs, ${failed} failed`;
  const rate = failed / Math.max(1, done + failed);
  const isBad = failed >= LIMITS.minFailedWork && rate > LIMITS.maxErrorRate;
  return isBad ? { kind: 'bad', says: `${says}: more than 5 %` } : { kind: 'good', says };
}

const milliseconds = (seconds: number | undefined): string =>
  seconds === undefined ? '-' : `${(seconds * 1_000).toFixed(0)} ms`;

function describe(requests: number, rate: number, slow?: number, usual?: number): string {
  const errors = `${(rate * 100).toFixed(1)} % errors`;
  return `${Math.round(requests)} requests, ${errors}, p95 ${milliseconds(slow)} (stable ${milliseconds(usual)})`;
}
